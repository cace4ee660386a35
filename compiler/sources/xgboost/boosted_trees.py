"""The stored trees as a forest.

XGBoost sends a row left where x < t, a forest where x ≤ t': for float32 x the two agree with t' = the float32 below t.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.sources.xgboost.document import DAMAGED, NO_CHILD, Document, StoredTree, whole_number
from dwcpc.compiler.sources.xgboost.learner import Learner, converted
from dwcpc.compiler.sources.xgboost.objectives import LABEL_ABOVE, base_margin
from dwcpc.compiler.trees.ensemble import TreeEnsemble
from dwcpc.compiler.trees.forest import LEAF, MAX_NODES, Forest, checked_forest

_LOWEST = np.finfo(np.float32).min


class _TreeParameters(msgspec.Struct):
    num_trees: str
    num_parallel_tree: str | None = None  # since XGBoost 1.6


class _TreeModel(msgspec.Struct):
    gbtree_model_param: _TreeParameters
    tree_info: list[int]
    iteration_indptr: list[int] | None = None  # since XGBoost 2.0
    cats: dict[str, Any] = {}


class _GBTree(msgspec.Struct):
    model: _TreeModel


class _Dart(msgspec.Struct):
    gbtree: _GBTree
    weight_drop: list[float]


@dataclass(frozen=True, slots=True, eq=False)
class BoostedTrees:
    """All trees of the file, and where each round's trees end; `weights` multiply the leaves of DART's trees.

    Without `knows_rounds` the file does not tell how many parallel trees a round has, and XGBoost takes one.
    """

    trees: list[StoredTree]
    target: NDArray[np.int32]
    round_ends: NDArray[np.int64]
    weights: NDArray[np.float32] | None
    knows_rounds: bool

    @property
    def rounds(self) -> int:
        """How many rounds of boosting there were."""
        return len(self.round_ends)


def checked_trees(document: Document, learner: Learner, path: Path) -> BoostedTrees:
    """Return the trees with their targets and rounds; InputError where they disagree."""
    booster = document.head["learner"]["gradient_booster"]
    weights = None
    if learner.booster == "dart":
        dart = converted(booster, _Dart, path)
        model, weights = dart.gbtree.model, _weights(dart.weight_drop, len(document.trees), path)
    else:
        model = converted(booster, _GBTree, path).model
    trees = len(document.trees)
    if whole_number(model.gbtree_model_param.num_trees, "num_trees", path) != trees or len(model.tree_info) != trees:
        raise InputError(f"{path}: {trees} trees, where num_trees or tree_info say otherwise; {DAMAGED}")
    if not trees:
        raise InputError(f"{path}: the model has no trees, expected at least one; fit it again")
    if min(model.tree_info) < 0 or max(model.tree_info) >= learner.margins:
        raise InputError(f"{path}: tree_info names a margin that is not among the {learner.margins}; {DAMAGED}")
    if any(model.cats.values()):
        raise InputError(
            f"{path}: holds an encoding of categories, which are not supported; encode categories as numbers yourself "
            "and fit the model again"
        )
    _check_numerical(document.trees, learner, path)
    return BoostedTrees(
        trees=document.trees,
        target=np.asarray(model.tree_info, np.int32),
        round_ends=_round_ends(model, learner, path),
        weights=weights,
        knows_rounds=model.gbtree_model_param.num_parallel_tree is not None,
    )


def _weights(stored: list[float], trees: int, path: Path) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        weights = np.asarray(stored, np.float64).astype(np.float32)
    if len(weights) != trees or not np.isfinite(weights).all():
        raise InputError(f"{path}: weight_drop is not one finite weight for each of {trees} trees; {DAMAGED}")
    return weights


def _check_numerical(trees: list[StoredTree], learner: Learner, path: Path) -> None:
    for position, tree in enumerate(trees):
        found = np.flatnonzero(tree.categorical & (tree.left != NO_CHILD))
        if len(found):
            feature = int(tree.feature[found[0]])
            name = f" ({learner.feature_names[feature]!r})" if feature in range(len(learner.feature_names)) else ""
            raise InputError(
                f"{path}: tree {position} splits feature {feature}{name} by categories, which are not supported; "
                "encode them as numbers, for example one-hot, and fit the model again"
            )


def _round_ends(model: _TreeModel, learner: Learner, path: Path) -> NDArray[np.int64]:
    """XGBoost before 2.0 did not save where rounds end: each has `num_parallel_tree` trees for each margin."""
    trees = len(model.tree_info)
    if model.iteration_indptr is not None:
        ends = np.asarray(model.iteration_indptr, np.int64)
        if len(ends) < 2 or ends[0] != 0 or ends[-1] != trees or (np.diff(ends) < 1).any():
            raise InputError(f"{path}: iteration_indptr does not divide the {trees} trees into rounds; {DAMAGED}")
        return ends[1:]
    parallel = whole_number(model.gbtree_model_param.num_parallel_tree or "1", "num_parallel_tree", path)
    a_round = learner.margins * max(parallel, 1)
    if trees % a_round:
        raise InputError(f"{path}: {trees} trees are not whole rounds of {a_round}; {DAMAGED}")
    return np.arange(a_round, trees + 1, a_round, dtype=np.int64)


def tree_ensemble(boosted: BoostedTrees, learner: Learner, rounds: int, path: Path) -> TreeEnsemble:
    """Return what the first `rounds` of the model compute, without its classes."""
    trees = boosted.trees[: boosted.round_ends[rounds - 1]]
    weights = None if boosted.weights is None else boosted.weights[: len(trees)]
    return TreeEnsemble(
        forest=checked_forest(_forest(trees, weights, learner.features, path), path),
        link=learner.objective.link,
        base=tuple(base_margin(learner.objective, score) for score in learner.base_scores),
        target=boosted.target[: len(trees)],
        adds_in="float32",
        label_above=LABEL_ABOVE,
    )


def _forest(trees: list[StoredTree], weights: NDArray[np.float32] | None, features: int, path: Path) -> Forest:
    sizes = np.array([len(tree.left) for tree in trees])
    if sizes.sum() > MAX_NODES:
        raise InputError(
            f"{path}: {sizes.sum()} nodes in all, expected at most {MAX_NODES}; fit fewer or smaller trees"
        )
    roots = np.append(0, np.cumsum(sizes)[:-1]).astype(np.int32)
    first = np.repeat(roots, sizes)
    left, right, feature, condition, default_left, gain = (
        np.concatenate([getattr(tree, name) for tree in trees])
        for name in ("left", "right", "feature", "condition", "default_left", "gain")
    )
    leaf = left == NO_CHILD
    value = np.where(leaf, condition, np.float32(0))
    if weights is not None:
        with np.errstate(over="ignore"):  # `checked_forest` names an infinite leaf
            value = value * np.repeat(weights, sizes)  # in float32, as XGBoost's DART does
    return Forest(
        features=features,
        roots=roots,
        feature=np.where(leaf, LEAF, feature).astype(np.int32),
        threshold=np.where(leaf, np.float32(0), _thresholds_at_most(condition, ~leaf, path)),
        left=_in_forest(left, first, leaf),
        right=_in_forest(right, first, leaf),
        missing_left=default_left & ~leaf,
        value=value.astype(np.float64)[:, None],
        gain=np.where(leaf | ~np.isfinite(gain), 0.0, gain.astype(np.float64)),
    )


def _thresholds_at_most(condition: NDArray[np.float32], split: NDArray[np.bool_], path: Path) -> NDArray[np.float32]:
    """The float32 below each. Of what is refused, −∞ has none, and the others tell a finite row from an infinite one.

    XGBoost refuses infinite rows, which are therefore answered like the largest finite ones.
    """
    beyond = np.flatnonzero(split & (np.isinf(condition) | (condition == _LOWEST)))
    if len(beyond):
        raise InputError(
            f"{path}: has a split at {condition[beyond[0]]}, which no finite value is on both sides of; keep features "
            "within ±1e38 and fit the model again"
        )
    return np.nextafter(condition, np.float32(-np.inf))


def _in_forest(child: NDArray[np.int32], first: NDArray[np.int32], leaf: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Numbers within the tree as numbers within the forest; what lies outside its tree still does, or is negative."""
    return np.where(leaf, NO_CHILD, child + first).astype(np.int32)

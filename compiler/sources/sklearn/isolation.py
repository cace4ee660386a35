"""Isolation forests: the anomaly score from the mean depth of the leaves that a row ends in.

h(x)  = depth(leaf) + c(samples of the leaf) − 1         path length in one tree, the root counted as depth 1
c(n)  = 2 (ln(n − 1) + γ) − 2 (n − 1) / n,  c(2) = 1,  c(1) = c(0) = 0
score = −2^(−Σ h / (trees · c(max_samples)))             Liu, Ting, Zhou 2008; where c is 0, the exponent is −1
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from dwcpc.compiler.sources.sklearn.content import IsolationContent, Read
from dwcpc.compiler.sources.sklearn.flat_trees import Trees, depths
from dwcpc.compiler.sources.sklearn.state import State
from dwcpc.compiler.sources.sklearn.tree_arrays import read_trees
from dwcpc.compiler.trees.ensemble import TreeEnsemble
from dwcpc.compiler.trees.forest import LEAF, Forest

_MAX_SAMPLES = 1 << 53


def read_isolation_forest(state: State) -> Read:
    """Return a fitted IsolationForest; InputError says what is wrong."""
    state.require_fitted("estimators_", "offset_")
    estimators = state.objects("estimators_", ("ExtraTreeRegressor",))
    features = state.features()
    seen = state.integer("_max_features", 1, features)
    trees = read_trees(estimators, seen, 1, state.path)
    content = IsolationContent(
        trees,
        # scikit-learn ignores estimators_features_ where each tree sees every feature.
        _columns(state, len(estimators), seen) if seen != features else None,
        *_path_lengths(state, trees),
        state.integer("_max_samples" if "_max_samples" in state.values else "max_samples_", 0, _MAX_SAMPLES),
        state.number("offset_"),
    )
    return Read("anomaly_detection", _ensemble(content, features), content, trees.takes_missing)


def average_path_length(samples: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return c(n) in scikit-learn's own arithmetic."""
    average = np.zeros(samples.shape)
    average[samples == 2] = 1.0
    many = samples > 2
    average[many] = 2.0 * (np.log(samples[many] - 1.0) + np.euler_gamma) - 2.0 * (samples[many] - 1.0) / samples[many]
    return average


def _ensemble(content: IsolationContent, features: int) -> TreeEnsemble:
    forest = content.trees.forest
    length = content.depth + content.average - 1.0
    divisor = float(forest.trees * average_path_length(np.array([content.max_samples]))[0])
    if divisor == 0.0:  # one sample a tree: scikit-learn takes 1 for the quotient, whatever the trees say
        length, base, divisor = np.zeros(len(length)), 1.0, 1.0
    else:
        base = 0.0
    feature = forest.feature if content.columns is None else _renumbered(forest, content.columns)
    return TreeEnsemble(
        forest=dataclasses.replace(
            forest, features=features, feature=feature, value=np.where(forest.is_split, 0.0, length)[:, None]
        ),
        link="isolation",
        base=(base,),
        target=np.zeros(forest.trees, np.int32),
        divisor=divisor,
        offset=content.offset,
    )


def _renumbered(forest: Forest, columns: tuple[NDArray[np.int64], ...]) -> NDArray[np.int32]:
    """Return the forest's features [nodes] as the model numbers them, not each tree."""
    feature = forest.feature.copy()
    for seen, own in zip(columns, np.split(feature, forest.roots[1:]), strict=True):
        splits = own != LEAF
        own[splits] = seen[own[splits]]
    return feature


def _columns(state: State, trees: int, seen: int) -> tuple[NDArray[np.int64], ...]:
    """Return the features [seen] of each tree, in its own order."""
    listed = state.values.get("estimators_features_")
    if not isinstance(listed, list | tuple) or len(listed) != trees:
        raise state.error("estimators_features_", f"a list of {trees} arrays")
    if not all(isinstance(item, np.ndarray) and item.shape == (seen,) and item.dtype.kind in "iu" for item in listed):
        raise state.error("estimators_features_", f"a list of arrays of {seen} feature numbers")
    if any(item.min() < 0 or item.max() >= state.features() for item in listed):
        raise state.error("estimators_features_", f"feature numbers below {state.features()}")
    return tuple(item.astype(np.int64, copy=False) for item in listed)


def _path_lengths(state: State, trees: Trees) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return depth and c(samples) [nodes], the file's own since scikit-learn 1.3, else as it made them when asked."""
    if "_decision_path_lengths" not in state.values:
        return depths(trees.forest), average_path_length(trees.samples)
    depth = _each_node(state, "_decision_path_lengths", trees)
    average = _each_node(state, "_average_path_length_per_tree", trees)
    return depth.astype(np.int64), average


def _each_node(state: State, name: str, trees: Trees) -> NDArray[np.float64]:
    listed = state.values.get(name)
    sizes = trees.sizes.tolist()
    if not isinstance(listed, list | tuple) or len(listed) != len(sizes):
        raise state.error(name, f"{len(sizes)} arrays, one for each tree")
    if not all(
        isinstance(item, np.ndarray) and item.shape == (size,) and item.dtype.kind in "if"
        for item, size in zip(listed, sizes, strict=True)
    ):
        raise state.error(name, "arrays with a number for each node")
    numbers = np.concatenate(listed).astype(np.float64)
    if not np.isfinite(numbers).all() or numbers.min() < 0 or numbers.max() > _MAX_SAMPLES:
        raise state.error(name, "numbers from 0 on")
    return numbers

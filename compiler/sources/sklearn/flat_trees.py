"""Trees in flat arrays, checked: scikit-learn's float64 thresholds beside the float32 ones that decide the same."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.trees.forest import LEAF, MAX_NODES, Forest, checked_forest

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Beyond every index that `checked_forest` lets through, and so small that adding a root's cannot wrap int32 around.
_OUT_OF_RANGE = 1 << 28
_MAX_VALUES = 1 << 26  # half a gigabyte of float64
_NO_FEATURE = -2  # which `checked_forest` refuses, where −1 would turn a split into a leaf


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """The nodes of all trees as a file has them, unchecked: children count from the tree's own root."""

    sizes: NDArray[np.int64]
    is_leaf: NDArray[np.bool_]
    feature: NDArray[np.int64]
    threshold: NDArray[np.float64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    missing_left: NDArray[np.bool_]
    value: NDArray[np.float64]  # [nodes, values]


@dataclass(frozen=True, slots=True, eq=False)
class Trees:
    """Checked trees. `forest` has the leaf values as stored; `samples` are what each node was fitted on.

    `takes_missing` says whether the nodes know where NaN goes, which they do since scikit-learn 1.3.
    """

    forest: Forest
    threshold: NDArray[np.float64]
    samples: NDArray[np.int64]
    takes_missing: bool = True

    @property
    def sizes(self) -> NDArray[np.int64]:
        """How many nodes each tree has."""
        return np.diff(np.append(self.forest.roots, len(self.forest.feature))).astype(np.int64)


def not_above(threshold: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the largest float32 not above each float64: for every float32 x, x <= the one is x <= the other."""
    with np.errstate(all="ignore"):
        rounded = threshold.astype(np.float32)
        lower = np.nextafter(rounded, np.float32(-np.inf))
    return np.where(rounded > threshold, lower, rounded)


@dataclass(slots=True)
class Gathered:
    """Nodes tree by tree, within bounds from the first on: a small file can name one large tree a million times."""

    path: Path
    values: int
    records: list[NDArray[Any]] = field(default_factory=list)
    contents: list[NDArray[np.float64]] = field(default_factory=list)
    nodes: int = 0

    def add(self, records: NDArray[Any], content: NDArray[np.float64]) -> None:
        """Take a tree's records [nodes] and values [nodes, values]; InputError when it is too much."""
        self.nodes += len(records)
        if self.nodes > MAX_NODES or self.nodes * self.values > _MAX_VALUES:
            raise InputError(
                f"{self.path}: more than {min(MAX_NODES, _MAX_VALUES // self.values)} nodes of {self.values} values, "
                "expected fewer; fit fewer or smaller trees"
            )
        if self.records and records.dtype != self.records[0].dtype:
            raise InputError(
                f"{self.path}: its trees have nodes of several formats; the file is damaged, save the model again"
            )
        self.records.append(records)
        self.contents.append(content)

    @property
    def sizes(self) -> NDArray[np.int64]:
        """How many nodes each tree has."""
        return np.array([len(part) for part in self.records], np.int64)


def flat_forest(columns: Columns, features: int, path: Path, *, gain: NDArray[np.float64] | None = None) -> Forest:
    """Return the trees if every row of `features` float32 finds a leaf in each of them; else InputError."""
    roots = np.cumsum(columns.sizes) - columns.sizes
    root = np.repeat(roots, columns.sizes)
    is_leaf = columns.is_leaf
    feature = np.clip(columns.feature, _NO_FEATURE, _OUT_OF_RANGE)
    feature[feature == LEAF] = _NO_FEATURE
    return checked_forest(
        Forest(
            features,
            roots.astype(np.int32),
            feature=_where_split(is_leaf, feature, LEAF).astype(np.int32),
            threshold=not_above(_where_split(is_leaf, columns.threshold, 0.0)),
            left=_where_split(is_leaf, _child(columns.left, root), LEAF).astype(np.int32),
            right=_where_split(is_leaf, _child(columns.right, root), LEAF).astype(np.int32),
            missing_left=columns.missing_left & ~is_leaf,
            value=np.where(is_leaf[:, None], columns.value, 0.0),
            gain=gain,
        ),
        path,
    )


def with_gain(forest: Forest, weight: NDArray[np.float64], impurity: NDArray[np.float64]) -> Forest:
    """Return `forest` with the share of its tree's impurity that each split removed, as feature importances have it.

    gain = (w·i − w_left·i_left − w_right·i_right) / w_root; numbers that are not finite count as 0.
    """
    splits = np.flatnonzero(forest.is_split)
    gain = np.zeros(len(forest.feature))
    with np.errstate(all="ignore"):
        mass = weight * impurity
        won = mass[splits] - mass[forest.left[splits]] - mass[forest.right[splits]]
        gain[splits] = won / weight[forest.roots][forest.tree_of[splits]]
    return dataclasses.replace(forest, gain=np.where(np.isfinite(gain), gain, 0.0))


def depths(forest: Forest) -> NDArray[np.int64]:
    """Return how many nodes [nodes] there are from the root to each, both counted, as `compute_node_depths` does."""
    depth = np.zeros(len(forest.feature), np.int64)
    for above, level in enumerate(forest.levels()):
        depth[level] = above + 1
    return depth


def _where_split(is_leaf: NDArray[np.bool_], numbers: NDArray[Any], otherwise: float) -> NDArray[Any]:
    return np.where(is_leaf, np.array(otherwise, numbers.dtype), numbers)


def _child(child: NDArray[np.int64], root: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.clip(child, -_OUT_OF_RANGE, _OUT_OF_RANGE) + root

"""Decision trees in flat arrays, checked: whoever holds a `Forest` can walk it without a bound to fear."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dwcpc.compiler.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

LEAF = -1
# 5,000 trees of depth 8 have 2.6 million nodes; an unlimited tree has up to two for each row it was fitted on.
MAX_NODES = 1 << 23
MAX_TREE_NODES = 1 << 19
MAX_DEPTH = 512  # onnxruntime lays trees out by recursion


@dataclass(frozen=True, slots=True, eq=False)
class Forest:
    """Trees, node after node. A row goes left at a node when x[feature] <= threshold, compared as float32.

    A tree's nodes are consecutive and in the order of the framework, so that a node's number there is its index here
    less its root's. All arrays but `roots` have one entry a node; leaves have feature `LEAF`, threshold 0, children −1
    and their own `value`, inner nodes the value 0. Nodes that no row can reach may be there.
    """

    features: int
    roots: NDArray[np.int32]
    feature: NDArray[np.int32]
    threshold: NDArray[np.float32]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    missing_left: NDArray[np.bool_]
    value: NDArray[np.float64]  # [nodes, values]: one, or one for each class
    gain: NDArray[np.float64] | None = None  # what each split won in training; for people to read

    @property
    def trees(self) -> int:
        """How many trees there are."""
        return len(self.roots)

    @property
    def is_split(self) -> NDArray[np.bool_]:
        """Which nodes [nodes] are splits."""
        return np.asarray(self.feature != LEAF)

    @property
    def tree_of(self) -> NDArray[np.int32]:
        """The tree [nodes] that each node belongs to."""
        sizes = np.diff(np.append(self.roots, len(self.feature)))
        return np.repeat(np.arange(self.trees, dtype=np.int32), sizes)

    def levels(self) -> Iterator[NDArray[np.int32]]:
        """Yield the nodes of all trees level by level, roots first: those that a row can reach, each once."""
        is_split, level = self.is_split, self.roots
        while len(level):
            yield level
            inner = level[is_split[level]]
            level = np.concatenate([self.left[inner], self.right[inner]])


def checked_forest(forest: Forest, path: Path) -> Forest:
    """Return `forest` if every row finds a leaf in every tree; InputError names what is wrong and where."""
    _check_sizes(forest, path)
    splits = np.flatnonzero(forest.is_split)
    _check_numbers(forest, splits, path)
    _check_children(forest, splits, path)
    return forest


def _check_sizes(forest: Forest, path: Path) -> None:
    nodes = len(forest.feature)
    if not forest.trees or not nodes:
        raise InputError(f"{path}: the model has no trees, expected at least one; fit it again")
    if nodes > MAX_NODES:
        raise InputError(f"{path}: {nodes} nodes in all, expected at most {MAX_NODES}; fit fewer or smaller trees")
    sizes = np.diff(np.append(forest.roots, nodes))
    if forest.roots[0] != 0 or sizes.min() < 1:
        raise InputError(f"{path}: tree {int(sizes.argmin())} has no nodes, expected at least a leaf; fit it again")
    if sizes.max() > MAX_TREE_NODES:
        raise InputError(
            f"{path}: tree {int(sizes.argmax())} has {sizes.max()} nodes, expected at most {MAX_TREE_NODES}; "
            "limit max_depth or max_leaf_nodes"
        )


def _check_numbers(forest: Forest, splits: NDArray[np.intp], path: Path) -> None:
    feature, threshold = forest.feature[splits], forest.threshold[splits]
    wrong = np.flatnonzero((feature < 0) | (feature >= forest.features))
    if len(wrong):
        raise InputError(
            f"{path}: {_where(forest, splits[wrong[0]])} splits on feature {feature[wrong[0]]}, expected one of "
            f"{forest.features}; the file is damaged, save the model again"
        )
    wrong = np.flatnonzero(np.isnan(threshold))
    if len(wrong):
        raise InputError(
            f"{path}: {_where(forest, splits[wrong[0]])} has a threshold of NaN, expected a number; fit the model again"
        )
    wrong = np.flatnonzero(~np.isfinite(forest.value).all(axis=1))
    if len(wrong):
        raise InputError(
            f"{path}: {_where(forest, wrong[0])} has the value {forest.value[wrong[0]].tolist()}, expected finite "
            "numbers; fit the model again"
        )


def _check_children(forest: Forest, splits: NDArray[np.intp], path: Path) -> None:
    """Each child lies in its parent's tree and has no other parent, and no path is longer than `MAX_DEPTH`."""
    tree_of = forest.tree_of
    children = np.stack([forest.left[splits], forest.right[splits]], axis=1)
    outside = (children < 0) | (children >= len(forest.feature))
    wrong = np.flatnonzero(outside.any(axis=1))
    if not len(wrong):
        wrong = np.flatnonzero((tree_of[children] != tree_of[splits][:, None]).any(axis=1))
    if len(wrong):
        raise InputError(
            f"{path}: {_where(forest, splits[wrong[0]])} has a child outside its tree, expected one of its nodes; "
            "the file is damaged, save the model again"
        )
    parents = np.bincount(children.reshape(-1), minlength=len(forest.feature))
    parents[forest.roots] += 1
    if parents.max() > 1:
        raise InputError(
            f"{path}: {_where(forest, parents.argmax())} has several parents or is a root with one, expected a tree; "
            "the file is damaged, save the model again"
        )
    # With one parent at most, a cycle cannot be entered from a root: only the depth is left to bound.
    for depth, level in enumerate(forest.levels()):
        if depth > MAX_DEPTH:
            raise InputError(
                f"{path}: {_where(forest, level[0])} is deeper than {MAX_DEPTH} splits; limit max_depth and fit the "
                "model again"
            )


def _where(forest: Forest, node: np.intp | np.int32) -> str:
    tree = int(np.searchsorted(forest.roots, node, side="right")) - 1
    return f"node {int(node) - int(forest.roots[tree])} of tree {tree}"

"""A forest as one node of ONNX's machine learning domain, its splits and leaves as they stand.

`TreeEnsemble` compares x <= threshold, sends NaN right unless told otherwise, and adds one value of each tree's leaf in
the order of the trees: onnxruntime does so on one thread, in the type of the thresholds.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import helper, numpy_helper

from dwcpc.compiler.trees.ensemble import TreeEnsemble

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

    from dwcpc.compiler.trees.forest import Forest

ML_DOMAIN = "ai.onnx.ml"
ML_OPSET = 5
BRANCH_LEQ = 0  # of TreeEnsemble's nodes_modes
SUM = 1  # of TreeEnsemble's aggregate_function


def sum_node(ensemble: TreeEnsemble, column: int, dtype: DTypeLike, names: tuple[str, str]) -> onnx.NodeProto:
    """Return the node that adds up the trees, [batch, features] to [batch, targets], both of `dtype`; base first.

    `column` says which of the leaves' values is added; `names` are those of input and output.
    """
    forest = ensemble.forest
    targets = len(ensemble.base)
    splits, leaves = _reached(forest)
    # A tree that is a single leaf, and the base, become a split of which both sides are that leaf.
    base = [target for target, value in enumerate(ensemble.base) if value != 0]
    lone = np.flatnonzero(~forest.is_split[forest.roots])
    extra = len(base) + len(lone)

    def mapped(children: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        is_leaf = ~forest.is_split[children]
        position = np.where(is_leaf, np.searchsorted(leaves, children), np.searchsorted(splits, children) + extra)
        return position, is_leaf.astype(np.int64)

    left, left_is_leaf = mapped(forest.left[splits])
    right, right_is_leaf = mapped(forest.right[splits])
    roots = np.searchsorted(splits, forest.roots) + extra
    roots[lone] = len(base) + np.arange(len(lone))
    # The leaves of the extra splits: the lone ones are among the forest's, those of the base come behind them.
    extra_leaf = np.concatenate([len(leaves) + np.arange(len(base)), np.searchsorted(leaves, forest.roots[lone])])
    zeros, ones = np.zeros(extra, np.int64), np.ones(extra, np.int64)
    weights = np.concatenate([forest.value[leaves, column], [ensemble.base[target] for target in base]])
    node = helper.make_node(
        "TreeEnsemble",
        [names[0]],
        [names[1]],
        name=names[1] + "_node",
        domain=ML_DOMAIN,
        n_targets=targets,
        aggregate_function=SUM,
        post_transform=0,
        tree_roots=_listed(np.arange(len(base)), roots),
        nodes_featureids=_listed(zeros, forest.feature[splits]),
        nodes_truenodeids=_listed(extra_leaf, left),
        nodes_trueleafs=_listed(ones, left_is_leaf),
        nodes_falsenodeids=_listed(extra_leaf, right),
        nodes_falseleafs=_listed(ones, right_is_leaf),
        leaf_targetids=_listed(ensemble.target[forest.tree_of[leaves]], np.array(base)),
    )
    thresholds = np.concatenate([np.zeros(extra), forest.threshold[splits]])
    _attach(node, "nodes_splits", thresholds.astype(dtype))
    _attach(node, "leaf_weights", weights.astype(dtype))
    _attach(node, "nodes_modes", np.full(len(thresholds), BRANCH_LEQ, np.uint8))
    if forest.missing_left[splits].any():
        missing = _listed(zeros, forest.missing_left[splits])
        node.attribute.append(helper.make_attribute("nodes_missing_value_tracks_true", missing))
    return node


def leaf_node(forest: Forest, names: tuple[str, str]) -> tuple[onnx.NodeProto, NDArray[np.float64]]:
    """Return the node that says where a row ends, float32 [batch, features] to float32 [batch, trees], and a table.

    What it says is the index of the leaf in the table [leaves, values] of what all leaves hold.
    """
    leaves = np.flatnonzero(~forest.is_split)
    index = np.zeros((len(forest.feature), 1))
    index[leaves, 0] = np.arange(len(leaves))  # float32 holds them all: `MAX_NODES` is below 2²⁴
    numbered = TreeEnsemble(
        dataclasses.replace(forest, value=index),
        "identity",
        (0.0,) * forest.trees,
        np.arange(forest.trees, dtype=np.int32),
    )
    return sum_node(numbered, 0, np.float32, names), forest.value[leaves]


def _reached(forest: Forest) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the splits and the leaves that have a path from a root, ascending."""
    reached, is_split = np.zeros(len(forest.feature), bool), forest.is_split
    for level in forest.levels():
        reached[level] = True
    return np.flatnonzero(reached & is_split), np.flatnonzero(reached & ~is_split)


def _listed(*parts: NDArray[np.generic]) -> list[int]:
    joined: list[int] = np.concatenate([part.astype(np.int64) for part in parts]).tolist()
    return joined


def _attach(node: onnx.NodeProto, name: str, values: NDArray[np.generic]) -> None:
    node.attribute.append(helper.make_attribute(name, numpy_helper.from_array(values, name)))

"""A forest as one node of ONNX's machine learning domain, its splits and leaves as they stand.

`TreeEnsemble` (opset 5) holds one value a leaf; forests whose leaves hold a value for each of three and more classes
need `TreeEnsembleClassifier` (opset 3). Both compare x <= threshold, send NaN right unless told otherwise, and add the
trees in their order: onnxruntime does so on one thread, in the type of the thresholds.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import helper, numpy_helper

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

    from dwcpc.compiler.trees.ensemble import TreeEnsemble
    from dwcpc.compiler.trees.forest import Forest

ML_DOMAIN = "ai.onnx.ml"
TREE_ENSEMBLE_OPSET = 5
CLASSIFIER_OPSET = 3  # later opsets deprecate TreeEnsembleClassifier
BRANCH_LEQ = 0  # of TreeEnsemble's nodes_modes
SUM = 1  # of TreeEnsemble's aggregate_function


def ml_opset(nodes: Iterable[onnx.NodeProto]) -> int:
    """Return the opset of the machine learning domain that `nodes` need."""
    classifies = any(node.op_type == "TreeEnsembleClassifier" for node in nodes)
    return CLASSIFIER_OPSET if classifies else TREE_ENSEMBLE_OPSET


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


def classifier_node(ensemble: TreeEnsemble, names: tuple[str, str, str]) -> onnx.NodeProto:
    """Return the node that adds up leaves with a value for each class, float64 [batch, features] to label and sums.

    `names` are those of the input, the label int64 [batch] (the class with the largest sum, by float64) and the sums
    float32 [batch, classes].
    """
    forest = ensemble.forest
    splits, leaves = _reached(forest)
    nodes = np.sort(np.concatenate([splits, leaves]))
    tree_of = forest.tree_of
    number = np.arange(len(forest.feature)) - forest.roots[tree_of]
    inner = forest.is_split[nodes]
    classes = len(ensemble.classes)
    at_leaf = leaves.repeat(classes)
    node = helper.make_node(
        "TreeEnsembleClassifier",
        [names[0]],
        list(names[1:]),
        name=names[2] + "_node",
        domain=ML_DOMAIN,
        post_transform="NONE",
        classlabels_int64s=list(ensemble.label_values),
        nodes_treeids=tree_of[nodes].tolist(),
        nodes_nodeids=number[nodes].tolist(),
        nodes_featureids=np.where(inner, forest.feature[nodes], 0).tolist(),
        nodes_modes=np.where(inner, "BRANCH_LEQ", "LEAF").tolist(),
        nodes_truenodeids=np.where(inner, number[forest.left[nodes]], 0).tolist(),
        nodes_falsenodeids=np.where(inner, number[forest.right[nodes]], 0).tolist(),
        class_treeids=tree_of[at_leaf].tolist(),
        class_nodeids=number[at_leaf].tolist(),
        class_ids=np.tile(np.arange(classes), len(leaves)).tolist(),
    )
    _attach(node, "nodes_values_as_tensor", forest.threshold[nodes].astype(np.float64))
    _attach(node, "class_weights_as_tensor", forest.value[leaves].reshape(-1))
    if forest.missing_left[splits].any():
        missing = forest.missing_left[nodes].astype(np.int64).tolist()
        node.attribute.append(helper.make_attribute("nodes_missing_value_tracks_true", missing))
    return node


def _reached(forest: Forest) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the splits and the leaves that have a path from a root, ascending."""
    reached = np.zeros(len(forest.feature), bool)
    level = forest.roots
    while len(level):
        reached[level] = True
        inner = level[forest.is_split[level]]
        level = np.concatenate([forest.left[inner], forest.right[inner]])
    return np.flatnonzero(reached & forest.is_split), np.flatnonzero(reached & ~forest.is_split)


def _listed(*parts: NDArray[np.generic]) -> list[int]:
    joined: list[int] = np.concatenate([part.astype(np.int64) for part in parts]).tolist()
    return joined


def _attach(node: onnx.NodeProto, name: str, values: NDArray[np.generic]) -> None:
    node.attribute.append(helper.make_attribute(name, numpy_helper.from_array(values, name)))

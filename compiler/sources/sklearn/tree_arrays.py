"""What `sklearn.tree._tree.Tree` pickles: records of nodes and an array of values, checked one by one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.pickles.safe import PickledObject
from dwcpc.compiler.sources.sklearn.flat_trees import Columns, Gathered, Trees, flat_forest, with_gain
from dwcpc.compiler.sources.sklearn.state import State
from dwcpc.compiler.trees.forest import LEAF

if TYPE_CHECKING:
    from numpy.typing import NDArray

MISSING = "missing_go_to_left"  # a field since scikit-learn 1.3
_FIELDS = {
    "left_child": "i",
    "right_child": "i",
    "feature": "i",
    "threshold": "f",
    "impurity": "f",
    "n_node_samples": "i",
    "weighted_n_node_samples": "f",
}


def read_trees(estimators: list[PickledObject], features: int, values: int, path: Path) -> Trees:
    """Return the trees of decision tree estimators as flat arrays, `values` numbers in each leaf.

    InputError for whatever scikit-learn's C code would have to trust: sizes, children, features, thresholds.
    """
    gathered = Gathered(path, values)
    for number, estimator in enumerate(estimators):
        state = State.of(estimator, path)
        state.require_one_output()
        tree = state.values.get("tree_")
        if not isinstance(tree, PickledObject) or tree.name != "Tree":
            raise InputError(f"{path}: tree {number} is not fitted, expected a fitted tree; save the model after fit")
        gathered.add(*_checked(tree, features, values, f"{path}: tree {number}"))
    nodes = np.concatenate(gathered.records)
    columns = _columns(nodes, np.concatenate(gathered.contents).astype(np.float64), gathered.sizes, path)
    forest = with_gain(
        flat_forest(columns, features, path),
        nodes["weighted_n_node_samples"].astype(np.float64),
        nodes["impurity"].astype(np.float64),
    )
    samples = nodes["n_node_samples"].astype(np.int64)
    return Trees(forest, columns.threshold, samples, MISSING in (nodes.dtype.names or ()))


def _checked(tree: PickledObject, features: int, values: int, where: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the records [nodes] and values [nodes, values] of one tree."""
    match tree.args, tree.state:
        case (int() as width, np.ndarray() as classes, int() as outputs), {
            "nodes": np.ndarray() as nodes,
            "values": np.ndarray() as content,
            "node_count": int() as count,
        }:
            pass
        case _:
            raise InputError(f"{where} has no nodes, expected a fitted tree; save the model after fit")
    if outputs != 1 or classes.shape != (1,):
        raise InputError(f"{where} predicts several outputs at once, expected one; fit one model for each")
    if width != features or classes.dtype.kind not in "iu" or int(classes[0]) != values:
        raise InputError(
            f"{where} is not for {features} features and {values} values a leaf, as the model is; "
            "the file is damaged, save the model again"
        )
    if nodes.ndim != 1 or not len(nodes) or count != len(nodes) or not _has_fields(nodes.dtype):
        raise InputError(
            f"{where} has {nodes.dtype.name} of shape {nodes.shape} where its nodes should be; the file is damaged or "
            "older than scikit-learn 1.0, fit and save the model again"
        )
    if content.shape != (len(nodes), 1, values) or content.dtype.kind != "f" or content.dtype.itemsize > 8:
        raise InputError(
            f"{where} has values of shape {content.shape}, expected {(len(nodes), 1, values)}; "
            "the file is damaged, save the model again"
        )
    return nodes, content.reshape(len(nodes), values)


def _has_fields(dtype: np.dtype[Any]) -> bool:
    fields: Mapping[str, Any] = dtype.fields or {}
    known = {**_FIELDS, MISSING: "u"} if MISSING in fields else _FIELDS
    return all(name in fields and fields[name][0].kind == kind for name, kind in known.items())


def _columns(nodes: NDArray[Any], values: NDArray[np.float64], sizes: NDArray[np.int64], path: Path) -> Columns:
    left, right = nodes["left_child"].astype(np.int64), nodes["right_child"].astype(np.int64)
    if not np.array_equal(left == LEAF, right == LEAF):
        raise InputError(f"{path}: a node has one child, expected two or none; the file is damaged, save it again")
    return Columns(
        sizes=sizes,
        is_leaf=left == LEAF,
        feature=nodes["feature"].astype(np.int64),
        threshold=nodes["threshold"].astype(np.float64),
        left=left,
        right=right,
        missing_left=nodes[MISSING] != 0 if MISSING in (nodes.dtype.names or ()) else np.zeros(len(nodes), bool),
        value=values,
    )

"""A saved model as its file has it: the document without its trees, and the trees' arrays checked one by one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.trees.forest import MAX_TREE_NODES

NO_CHILD = -1
DAMAGED = "the file is damaged, save the model again"

_WHOLE = re.compile(r"[0-9]{1,10}")
_INT32 = np.iinfo(np.int32)
_CATEGORIES = ("categories", "categories_nodes", "categories_segments", "categories_sizes")
_UNUSED_FLOATS = ("base_weights", "sum_hessian")


@dataclass(frozen=True, slots=True)
class Document:
    """What the file says, numbers and names still unchecked; `head` has an empty list where the trees were."""

    head: dict[str, Any]
    trees: list[StoredTree]


@dataclass(frozen=True, slots=True, eq=False)
class StoredTree:
    """One tree, its arrays [nodes] as XGBoost names them; a leaf has left −1 and its value in `condition`."""

    left: NDArray[np.int32]
    right: NDArray[np.int32]
    parent: NDArray[np.int32]
    feature: NDArray[np.int32]
    condition: NDArray[np.float32]
    default_left: NDArray[np.bool_]
    categorical: NDArray[np.bool_]
    gain: NDArray[np.float32]


def whole_number(text: object, name: str, path: Path) -> int:
    """Return the number that XGBoost wrote as text; InputError where it is none."""
    if not isinstance(text, str) or not _WHOLE.fullmatch(text):
        raise InputError(f"{path}: {name} is {str(text)[:40]!r}, expected a whole number as text; {DAMAGED}")
    return int(text)


def stored_tree(fields: Mapping[str, object], position: int, path: Path) -> StoredTree:
    """Return the tree at `position`; InputError where an array is missing, too short or of another type.

    XGBoost itself is asked about the file later, and reads these arrays without checking their lengths.
    """
    reader = _TreeReader(fields, f"{path}: tree {position}", path)
    if fields.get("id") != position:
        raise InputError(f"{reader.where} has the id {str(fields.get('id'))[:40]!r}, expected {position}; {DAMAGED}")
    reader.check_parameters()
    tree = StoredTree(
        left=reader.integers("left_children"),
        right=reader.integers("right_children"),
        parent=reader.integers("parents"),
        feature=reader.integers("split_indices"),
        condition=reader.floats("split_conditions"),
        default_left=reader.truths("default_left"),
        categorical=reader.categorical(),
        gain=reader.floats("loss_changes"),
    )
    for name in _UNUSED_FLOATS:
        reader.floats(name)
    _check_parents(tree, reader.where)
    _check_features(tree, reader.where)
    return tree


@dataclass(slots=True)
class _TreeReader:
    fields: Mapping[str, object]
    where: str
    path: Path
    nodes: int = 0

    def check_parameters(self) -> None:
        parameters = self.fields.get("tree_param")
        if not isinstance(parameters, Mapping):
            raise InputError(f"{self.where} has no tree_param, expected one; {DAMAGED}")
        self.nodes = whole_number(parameters.get("num_nodes"), "num_nodes", self.path)
        if not 1 <= self.nodes <= MAX_TREE_NODES:
            raise InputError(
                f"{self.where} has {self.nodes} nodes, expected 1 to {MAX_TREE_NODES}; limit max_depth or max_leaves "
                "and fit the model again"
            )
        # XGBoost up to 1.7 wrote 0 for leaves of one number.
        if whole_number(parameters.get("size_leaf_vector", "0"), "size_leaf_vector", self.path) > 1:
            raise InputError(
                f"{self.where} has vector leaves, which are not supported; fit the model again with "
                'multi_strategy="one_output_per_tree", or one model for each output'
            )

    def _array(self, name: str, kinds: str) -> NDArray[Any]:
        try:
            array = np.asarray(self.fields.get(name))
        except (ValueError, OverflowError):  # lists of lists of unequal length
            array = np.empty(0, object)
        if array.shape != (self.nodes,) or array.dtype.kind not in kinds:
            raise InputError(
                f"{self.where} has no array {name} of {self.nodes} numbers, one for each of its nodes; {DAMAGED}"
            )
        return array

    def integers(self, name: str) -> NDArray[np.int32]:
        array = self._array(name, "biu")
        if array.dtype != np.int32 and (array.min() < _INT32.min or array.max() > _INT32.max):
            raise InputError(f"{self.where} has numbers in {name} that 32 bits cannot hold; {DAMAGED}")
        return array.astype(np.int32)

    def truths(self, name: str) -> NDArray[np.bool_]:
        array = self.integers(name)
        if array.min() < 0 or array.max() > 1:
            raise InputError(f"{self.where} has numbers in {name} other than 0 and 1; {DAMAGED}")
        return np.asarray(array == 1)

    def floats(self, name: str) -> NDArray[np.float32]:
        with np.errstate(over="ignore"):  # an infinity is judged where the number is used
            return self._array(name, "fi").astype(np.float32)

    def categorical(self) -> NDArray[np.bool_]:
        """Which nodes split by categories; without one there are no categories, which XGBoost would look up by node."""
        found = self.truths("split_type") if "split_type" in self.fields else np.zeros(self.nodes, bool)
        stored = [name for name in _CATEGORIES if np.size(self.fields.get(name, ()))]  # type: ignore[arg-type]
        if stored and not found.any():
            raise InputError(f"{self.where} has {stored[0]} and no split by categories; {DAMAGED}")
        return found


def _check_parents(tree: StoredTree, where: str) -> None:
    """XGBoost follows `parents` when it loads a tree."""
    parent = tree.parent[1:]
    outside = np.flatnonzero((parent < 0) | (parent >= len(tree.parent)))
    if len(outside):
        raise InputError(
            f"{where} has the node {outside[0] + 1} without a parent, expected one of its nodes; {DAMAGED}"
        )


def _check_features(tree: StoredTree, where: str) -> None:
    """A forest takes −1 for a leaf, XGBoost a leaf for a node without a left child."""
    negative = np.flatnonzero((tree.feature < 0) & (tree.left != NO_CHILD))
    if len(negative):
        raise InputError(
            f"{where} splits on feature {tree.feature[negative[0]]}, expected one that there is; {DAMAGED}"
        )

"""The trees of a model as its one tree node has them, and which of their leaves are which of the source's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import helper, numpy_helper

if TYPE_CHECKING:
    import onnx
    from numpy.typing import NDArray

    from dwcpc.compiler.trees.forest import Forest

TREE_OP = "TreeEnsemble"


class StructureError(Exception):
    """The model's trees are not the source's; the text says where."""


@dataclass(frozen=True, slots=True)
class OnnxTrees:
    """The children [nodes] of each node where its comparison is true and where it is false; leaves have −1."""

    roots: NDArray[np.int64]
    true: NDArray[np.int64]
    false: NDArray[np.int64]

    @property
    def is_leaf(self) -> NDArray[np.bool_]:
        """Which nodes [nodes] are leaves."""
        return np.asarray(self.true < 0)


@dataclass(frozen=True, slots=True)
class SourceLeaves:
    """Of each node [nodes] of a model that is a leaf: the source's tree, and the number of the leaf in that tree."""

    tree: NDArray[np.int64]
    number: NDArray[np.int64]


def tree_node(model: onnx.ModelProto) -> onnx.NodeProto:
    """Return the model's only tree node; StructureError for none or several."""
    found: list[onnx.NodeProto] = [node for node in model.graph.node if node.op_type == TREE_OP]
    if len(found) != 1:
        raise StructureError(f"the model has {len(found)} tree nodes, expected one")
    return found[0]


def attributes(node: onnx.NodeProto) -> dict[str, Any]:
    """Return a node's attributes: lists of numbers and tensors as arrays."""
    values = {}
    for attribute in node.attribute:
        value = helper.get_attribute_value(attribute)
        if attribute.HasField("t"):
            value = numpy_helper.to_array(attribute.t)
        values[attribute.name] = np.asarray(value) if isinstance(value, list) else value
    return values


def read_trees(node: onnx.NodeProto) -> OnnxTrees:
    """Return the trees of a tree node.

    With n splits, the leaves to which split i leads are nodes n + 2i (true) and n + 2i + 1 (false), whether or not it
    shares them with others.
    """
    given = attributes(node)
    splits = len(given["nodes_featureids"])
    first = splits + 2 * np.arange(splits)
    true = np.where(given["nodes_trueleafs"] != 0, first, given["nodes_truenodeids"])
    false = np.where(given["nodes_falseleafs"] != 0, first + 1, given["nodes_falsenodeids"])
    none = np.full(2 * splits, -1)
    trees = OnnxTrees(given["tree_roots"], np.concatenate([true, none]), np.concatenate([false, none]))
    children = np.concatenate([trees.true, trees.false, trees.roots])
    if not len(trees.roots) or children.max() >= len(trees.true):
        raise StructureError("a node of the model's trees does not exist")
    return trees


def match_leaves(forest: Forest, trees: OnnxTrees) -> SourceLeaves:
    """Walk both together, left with true, and return whose leaves are whose; StructureError where they part.

    Before the source's trees may stand constant ones, of a single split: those of a base value. So does a tree of the
    source that is a single leaf.
    """
    extra = len(trees.roots) - forest.trees
    is_leaf = trees.is_leaf
    constant = ~is_leaf[trees.roots] & is_leaf[trees.true[trees.roots]] & is_leaf[trees.false[trees.roots]]
    if extra < 0 or not constant[:extra].all():
        raise StructureError(f"the model has {len(trees.roots)} trees, expected the source's {forest.trees}")
    tree, number = np.zeros(len(is_leaf), np.int64), np.zeros(len(is_leaf), np.int64)
    ours, theirs, of = forest.roots, trees.roots[extra:], np.arange(forest.trees)
    lone = ~forest.is_split[ours] & constant[extra:]
    for children in (trees.true, trees.false):
        tree[children[theirs[lone]]] = of[lone]  # and the number of a root is 0
    ours, theirs, of = ours[~lone], theirs[~lone], of[~lone]
    while len(ours):
        ends = ~forest.is_split[ours]
        if (ends != is_leaf[theirs]).any():
            at = int((ends != is_leaf[theirs]).argmax())
            node = int(ours[at] - forest.roots[of[at]])
            raise StructureError(
                f"node {node} of tree {of[at]} is a {'leaf' if ends[at] else 'split'} in the source only"
            )
        tree[theirs[ends]] = of[ends]
        number[theirs[ends]] = (ours - forest.roots[of])[ends]
        ours, theirs, of = ours[~ends], theirs[~ends], of[~ends]
        ours = np.concatenate([forest.left[ours], forest.right[ours]])
        theirs, of = np.concatenate([trees.true[theirs], trees.false[theirs]]), np.concatenate([of, of])
    return SourceLeaves(tree, number)

"""The one node that a forest becomes, in onnxruntime: the leaves of an independent walk, added in the same order."""

from __future__ import annotations

import dataclasses

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from dwcpc.compiler.metadata import SessionSettings
from dwcpc.compiler.ort_session import open_session
from dwcpc.compiler.trees.ensemble import TreeEnsemble
from dwcpc.compiler.trees.onnx_nodes import ML_DOMAIN, ML_OPSET, leaf_node, sum_node

FEATURES = 5
TYPES = {np.float32: TensorProto.FLOAT, np.float64: TensorProto.DOUBLE}


def summed(ensemble, rows, dtype, column=0):
    node = sum_node(ensemble, column, dtype, ("x", "y"))
    graph = helper.make_graph(
        [node],
        "sum",
        [helper.make_tensor_value_info("x", TYPES[dtype], ["batch", FEATURES])],
        [helper.make_tensor_value_info("y", TYPES[dtype], ["batch", len(ensemble.base)])],
    )
    return run(graph, rows.astype(dtype))[0]


def run(graph, rows):
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid(ML_DOMAIN, ML_OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    return open_session(model.SerializeToString(), SessionSettings()).run(None, {"x": rows})


def added(ensemble, leaves, dtype, column=0):
    """Add base and leaves tree by tree, as the frameworks do."""
    total = np.tile(np.array(ensemble.base, dtype), (len(leaves), 1))
    for tree, target in enumerate(ensemble.target):
        total[:, target] += ensemble.forest.value[leaves[:, tree], column].astype(dtype)
    return total


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("trees", [1, 7, 120])
def test_one_sum_has_the_bits_of_adding_tree_by_tree(trees, dtype, missing, grown, leaves_of, hostile):
    forest = grown(trees, 6, FEATURES, seed=trees, missing=missing)
    ensemble = TreeEnsemble(forest, "identity", (0.3,), np.zeros(trees, np.int32))
    rows = hostile(forest, 150)
    expected = added(ensemble, leaves_of(forest, rows), dtype)
    assert np.array_equal(summed(ensemble, rows, dtype), expected)
    alone = np.concatenate([summed(ensemble, row[None], dtype) for row in rows[:20]])
    assert np.array_equal(alone, expected[:20])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_several_sums_take_each_tree_to_its_own(dtype, grown, leaves_of, hostile):
    forest = grown(31, 5, FEATURES, seed=4)
    target = np.random.default_rng(0).integers(0, 3, 31).astype(np.int32)
    ensemble = TreeEnsemble(forest, "softmax", (0.1, 0.0, -2.5), target, classes=(0, 1, 2))
    rows = hostile(forest, 150)
    assert np.array_equal(summed(ensemble, rows, dtype), added(ensemble, leaves_of(forest, rows), dtype))


def test_the_second_column_of_the_leaves_can_be_added(grown, leaves_of, hostile):
    forest = grown(20, 5, FEATURES, values=2, seed=5)
    ensemble = TreeEnsemble(forest, "average", (0.0,), np.zeros(20, np.int32), classes=(0, 1))
    rows = hostile(forest, 100)
    expected = added(ensemble, leaves_of(forest, rows), np.float64, column=1)
    assert np.array_equal(summed(ensemble, rows, np.float64, column=1), expected)


def test_trees_that_are_single_leaves_and_nothing_else(grown, hostile):
    forest = grown(4, 0, FEATURES)
    ensemble = TreeEnsemble(forest, "identity", (1.5,), np.zeros(4, np.int32))
    rows = hostile(forest, 10)
    assert np.array_equal(
        summed(ensemble, rows, np.float64), np.full((10, 1), np.cumsum([1.5, *forest.value[:, 0]])[-1])
    )


@pytest.mark.parametrize("change", ["threshold", "missing_left", "value"])
def test_a_node_that_differs_in_one_place_answers_otherwise(change, grown, leaves_of, hostile):
    """The comparisons above can fail."""
    forest = grown(10, 4, FEATURES, seed=6, missing=True, lone=0)
    array = getattr(forest, change).copy()
    root = forest.roots[3]
    if change == "threshold":
        array[root] = np.nextafter(array[root], np.float32(np.inf))
    elif change == "missing_left":
        array[root] = ~array[root]
    else:
        array[np.flatnonzero(~forest.is_split)] += 1e-15
    ensemble = TreeEnsemble(forest, "identity", (0.0,), np.zeros(10, np.int32))
    altered = dataclasses.replace(ensemble, forest=dataclasses.replace(forest, **{change: array}))
    rows = hostile(forest, 400)
    rows[:30, forest.feature[root]] = np.nextafter(forest.threshold[root], np.float32(np.inf))
    rows[30:60, forest.feature[root]] = np.nan
    expected = added(ensemble, leaves_of(forest, rows), np.float64)
    assert np.array_equal(summed(ensemble, rows, np.float64), expected)
    assert not np.array_equal(summed(altered, rows, np.float64), expected)


def test_leaves_are_looked_up_in_the_table(grown, leaves_of, hostile):
    forest = grown(25, 6, FEATURES, values=3, seed=7, missing=True)
    node, table = leaf_node(forest, ("x", "y"))
    graph = helper.make_graph(
        [node],
        "leaves",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", FEATURES])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 25])],
    )
    rows = hostile(forest, 200)
    (index,) = run(graph, rows)
    assert np.array_equal(table[index.astype(int)], forest.value[leaves_of(forest, rows)])


def test_nodes_that_no_row_reaches_are_left_out(grown):
    forest = grown(2, 3, FEATURES, seed=1, lone=0)
    ensemble = TreeEnsemble(forest, "identity", (0.0,), np.zeros(2, np.int32))
    pruned_root = forest.roots[1]
    feature = forest.feature.copy()
    feature[pruned_root] = -1
    pruned = dataclasses.replace(ensemble, forest=dataclasses.replace(forest, feature=feature))

    def splits(of):
        node = sum_node(of, 0, np.float64, ("x", "y"))
        return len(next(each.ints for each in node.attribute if each.name == "nodes_featureids"))

    assert splits(ensemble) == forest.is_split.sum()
    first = forest.tree_of[forest.is_split] == 0
    assert splits(pruned) == first.sum() + 1  # the second tree is a leaf now, written as one split

"""A forest that could be walked out of bounds, for ever or into nonsense is refused, and the sentence says where."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.trees import forest as module
from dwcpc.compiler.trees.forest import LEAF, Forest, checked_forest

PATH = Path("model.json")


def two_trees():
    """A tree of two splits and three leaves, then one that is a leaf."""
    return Forest(
        features=3,
        roots=np.array([0, 5], np.int32),
        feature=np.array([0, 2, LEAF, LEAF, LEAF, LEAF], np.int32),
        threshold=np.array([0.5, -1, 0, 0, 0, 0], np.float32),
        left=np.array([1, 2, -1, -1, -1, -1], np.int32),
        right=np.array([4, 3, -1, -1, -1, -1], np.int32),
        missing_left=np.zeros(6, bool),
        value=np.array([[0], [0], [1], [2], [3], [4]], np.float64),
    )


def changed(field, index, value):
    forest = two_trees()
    array = getattr(forest, field).copy()
    array[index] = value
    return dataclasses.replace(forest, **{field: array})


def test_a_sound_forest_is_returned_as_it_is():
    forest = two_trees()
    assert checked_forest(forest, PATH) is forest
    assert forest.trees == 2
    assert forest.is_split.tolist() == [True, True, False, False, False, False]
    assert forest.tree_of.tolist() == [0, 0, 0, 0, 0, 1]


@pytest.mark.parametrize(
    ("field", "index", "value", "sentence"),
    [
        ("left", 1, 6, r"node 1 of tree 0 has a child outside its tree"),
        ("left", 1, -1, r"node 1 of tree 0 has a child outside its tree"),
        ("right", 1, 2**31 - 1, r"node 1 of tree 0 has a child outside its tree"),
        ("right", 0, 5, r"node 0 of tree 0 has a child outside its tree"),  # the other tree's root
        ("left", 1, 0, r"node 0 of tree 0 has several parents or is a root with one"),  # a cycle through the root
        ("left", 1, 1, r"node 1 of tree 0 has several parents"),  # a cycle of one
        ("right", 1, 2, r"node 2 of tree 0 has several parents"),  # both sides to the same leaf
        ("feature", 1, 3, r"node 1 of tree 0 splits on feature 3, expected one of 3"),
        ("feature", 1, -2, r"node 1 of tree 0 splits on feature -2"),
        ("threshold", 0, np.nan, r"node 0 of tree 0 has a threshold of NaN"),
        ("value", 5, np.nan, r"node 0 of tree 1 has the value \[nan\]"),
        ("value", 2, -np.inf, r"node 2 of tree 0 has the value \[-inf\]"),
        ("roots", 0, 1, r"tree \d has no nodes"),
        ("roots", 1, 0, r"tree 0 has no nodes"),
    ],
)
def test_refuses(field, index, value, sentence):
    with pytest.raises(InputError, match=rf"^model\.json: {sentence}"):
        checked_forest(changed(field, index, value), PATH)


def test_an_infinite_threshold_is_a_threshold():
    checked_forest(changed("threshold", 0, np.inf), PATH)


def test_nodes_that_no_row_can_reach_are_held_to_the_same_rules():
    forest = two_trees()
    feature = np.insert(forest.feature, 5, [1, 1])
    left = np.insert(forest.left, 5, [6, 5])
    right = np.insert(forest.right, 5, [-1, -1])
    stray = dataclasses.replace(
        forest,
        roots=np.array([0, 7], np.int32),
        feature=feature.astype(np.int32),
        threshold=np.insert(forest.threshold, 5, [0, 0]).astype(np.float32),
        left=left.astype(np.int32),
        right=right.astype(np.int32),
        missing_left=np.zeros(8, bool),
        value=np.insert(forest.value, 5, [[0], [0]], axis=0),
    )
    with pytest.raises(InputError, match="child outside its tree"):
        checked_forest(stray, PATH)


def chain(depth):
    """One tree that goes left `depth` times."""
    splits = np.arange(depth)
    feature = np.full(2 * depth + 1, LEAF, np.int32)
    feature[splits] = 0
    left, right = np.full_like(feature, -1), np.full_like(feature, -1)
    left[splits], right[splits] = splits + 1, depth + 1 + splits
    size = len(feature)
    zeros = np.zeros(size, np.float32)
    return Forest(
        1, np.zeros(1, np.int32), feature, zeros, left, right, np.zeros(size, bool), np.zeros((size, 1), np.float64)
    )


def test_the_depth_is_bounded():
    checked_forest(chain(module.MAX_DEPTH), PATH)
    with pytest.raises(InputError, match=r"is deeper than 512 splits; limit max_depth"):
        checked_forest(chain(module.MAX_DEPTH + 1), PATH)


def test_no_trees_are_refused():
    empty = np.zeros(0, np.int32)
    forest = Forest(1, empty, empty, empty.astype(np.float32), empty, empty, empty.astype(bool), np.zeros((0, 1)))
    with pytest.raises(InputError, match="the model has no trees"):
        checked_forest(forest, PATH)


def test_a_million_node_tree_and_too_many_nodes_are_refused(monkeypatch):
    with pytest.raises(InputError, match=r"tree 0 has 1000001 nodes, expected at most 524288"):
        checked_forest(chain(500_000), PATH)
    monkeypatch.setattr(module, "MAX_NODES", 5)
    with pytest.raises(InputError, match=r"6 nodes in all, expected at most 5"):
        checked_forest(two_trees(), PATH)

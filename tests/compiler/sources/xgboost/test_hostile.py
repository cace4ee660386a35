"""Damaged and hostile files: one sentence each, never a crash, and XGBoost itself is shown none of what was refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xgboost

from dwcpc.compiler.artifact import Artifact
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.sources.xgboost import files, loading
from dwcpc.compiler.sources.xgboost.core import read_model


@pytest.fixture
def tree(document):
    """Return the first tree of `document`."""
    return document["learner"]["gradient_booster"]["model"]["trees"][0]


@pytest.fixture
def model(document):
    """Return the part of `document` that holds all trees."""
    return document["learner"]["gradient_booster"]["model"]


@pytest.fixture
def refused(load, monkeypatch):
    """Return `refused(document, pattern)`: refused so, in one line, before XGBoost is asked."""

    def asked(_):
        raise AssertionError("XGBoost was asked about a file that had to be refused")

    monkeypatch.setattr(loading, "loaded_booster", asked)

    def check(document, pattern):
        data = document if isinstance(document, bytes) else json.dumps(document).encode()
        with pytest.raises(InputError, match=pattern) as caught:
            load(data)
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 600

    return check


@pytest.mark.parametrize(
    ("place", "value", "pattern"),
    [
        (("left_children", 0), 0, "tree|several parents"),
        (("left_children", 1), 0, "several parents or is a root with one"),
        (("right_children", 1), 2, "several parents"),
        (("left_children", 0), 10**6, "child outside its tree"),
        (("left_children", 0), 2**31 - 1, "child outside its tree"),
        (("left_children", 0), -5, "child outside its tree"),
        (("right_children", 0), -1, "child outside its tree"),
        (("right_children", 0), 2**40, "numbers in right_children that 32 bits cannot hold"),
        (("right_children", 0), 2**70, "right_children|Expected `int`"),
        (("parents", 1), 10**6, "node 1 without a parent"),
        (("parents", 2), -1, "node 2 without a parent"),
        (("split_indices", 0), 5, "splits on feature 5, expected one of 5"),
        (("split_indices", 0), -1, "splits on feature -1"),
        (("split_conditions", 0), 1e39, "split at inf"),
        (("split_conditions", -1), 1e39, r"has the value \[inf\], expected finite"),
        (("split_conditions", 0), "1", "Expected `float`"),
        (("default_left", 0), "1", "default_left"),
        (("default_left", 0), 2, "default_left other than 0 and 1"),
        (("split_type", 0), 2, "split_type other than 0 and 1"),
        (("split_type", 0), 1, "splits feature . by categories"),
    ],
)
def test_a_wrong_number_in_a_tree_is_named(document, tree, refused, place, value, pattern):
    name, at = place
    tree[name][at] = value
    refused(document, pattern)


ARRAYS = ["left_children", "right_children", "parents", "split_indices", "split_conditions", "default_left"]
UNUSED_ARRAYS = ["loss_changes", "sum_hessian", "base_weights", "split_type"]


@pytest.mark.parametrize("change", ["shorter", "longer", "none", "nested"])
@pytest.mark.parametrize("name", ARRAYS + UNUSED_ARRAYS)
def test_an_array_of_another_length_is_refused(document, tree, refused, name, change):
    values = tree[name]
    tree[name] = {"shorter": values[:-1], "longer": [*values, 0], "none": [], "nested": [values]}[change]
    refused(document, f"{name}|Expected `")


@pytest.mark.parametrize("name", [*ARRAYS, "loss_changes", "sum_hessian", "base_weights", "tree_param", "id"])
def test_a_missing_member_is_refused(document, tree, refused, name):
    del tree[name]
    refused(document, name)


@pytest.mark.parametrize("categories", ["categories", "categories_nodes", "categories_segments", "categories_sizes"])
def test_categories_without_a_split_by_them_are_refused(document, tree, refused, categories):
    tree[categories] = [1]
    refused(document, f"has {categories} and no split by categories; the file is damaged")
    del tree["split_type"]
    refused(document, f"has {categories} and no split by categories; the file is damaged")


@pytest.mark.parametrize(
    ("name", "value", "pattern"),
    [
        ("num_nodes", "-1", "num_nodes is '-1', expected a whole number"),
        ("num_nodes", "0", "has 0 nodes, expected 1 to"),
        ("num_nodes", "9999999999", "has 9999999999 nodes, expected 1 to"),
        ("num_nodes", "1" * 5000, "num_nodes is '1111"),
        ("num_nodes", "7 ", "num_nodes is '7 '"),
        ("num_nodes", 15, "Expected `str`"),
        ("size_leaf_vector", "3", "has vector leaves"),
        ("size_leaf_vector", "", "size_leaf_vector is ''"),
    ],
)
def test_a_wrong_parameter_of_a_tree_is_named(document, tree, refused, name, value, pattern):
    tree["tree_param"][name] = value
    refused(document, pattern)


@pytest.mark.parametrize(
    ("name", "value", "pattern"),
    [
        ("tree_info", [0, 0, 0], "4 trees, where num_trees or tree_info say otherwise"),
        ("tree_info", [0, 0, 0, 1], "a margin that is not among the 1"),
        ("tree_info", [0, 0, 0, -1], "a margin that is not among the 1"),
        ("iteration_indptr", [0, 1, 2, 3], "iteration_indptr does not divide"),
        ("iteration_indptr", [0, 2, 1, 4], "iteration_indptr does not divide"),
        ("iteration_indptr", [0, 2, 2, 4], "iteration_indptr does not divide"),
        ("iteration_indptr", [1, 2, 3, 4], "iteration_indptr does not divide"),
        ("iteration_indptr", [], "iteration_indptr does not divide"),
        ("iteration_indptr", [0, 2**70, 4], "not what XGBoost saves"),
        ("gbtree_model_param", {"num_trees": "3"}, "4 trees, where num_trees"),
        ("trees", [], "0 trees, where num_trees"),
        ("trees", {}, "Expected `array`, got `object`"),
        ("trees", [1, 2], "Expected `object`, got `int`"),
        ("trees", None, "Expected `array`"),
        ("cats", {"enc": [{}]}, "encoding of categories"),
        ("cats", {"enc": [], "sorted_idx": [1]}, "encoding of categories"),
    ],
)
def test_a_wrong_member_of_the_model_is_named(document, model, refused, name, value, pattern):
    model[name] = value
    refused(document, pattern)


@pytest.mark.parametrize(
    ("name", "value", "pattern"),
    [
        ("num_feature", "0", "takes 0 features"),
        ("num_feature", "4294967296", "takes 4294967296 features, expected 1 to 65536"),
        ("num_feature", "4", "splits on feature 4, expected one of 4"),
        ("num_class", "3", "binary:logistic with 3 classes"),
        ("num_class", "-3", "num_class is '-3'"),
        ("base_score", 0.5, "Expected `str`"),
    ],
)
def test_a_wrong_parameter_of_the_model_is_named(document, refused, name, value, pattern):
    document["learner"]["learner_model_param"][name] = value
    refused(document, pattern)


def test_numbers_of_classes_that_differ_are_refused(document, refused):
    """XGBoost divides by the objective's, without looking whether it is 0."""
    document["learner"]["learner_model_param"]["num_class"] = "3"
    for parameters in ({}, {"softmax_multiclass_param": {"num_class": "0"}}):
        document["learner"]["objective"] = {"name": "multi:softprob", **parameters}
        refused(document, "different numbers of classes")


@pytest.mark.parametrize("weights", [[1.0, 1.0, 1.0], [1.0] * 5, [1.0, 1.0, 1.0, 1e39], ["1"] * 4, []])
def test_weights_of_dart_that_do_not_fit_are_refused(document, refused, weights):
    inner = document["learner"]["gradient_booster"]
    document["learner"]["gradient_booster"] = {"name": "dart", "gbtree": inner, "weight_drop": weights}
    refused(document, "weight_drop")


@pytest.mark.parametrize("weights", [[0.5] * 5, [0.5] * 7, [0.5] * 5 + [1e39], [], None])
def test_weights_of_gblinear_that_do_not_fit_are_refused(document, refused, weights):
    inner = {"boosted_rounds": 1, "weights": weights}
    document["learner"]["gradient_booster"] = {"name": "gblinear", "model": inner}
    refused(document, "weights")


@pytest.mark.parametrize(
    ("old", "new", "pattern"),
    [
        (b'"id"', b'"id": 0, "id"', "key that stands twice in tree 0"),
        (b'"num_nodes"', b'"num_nodes": "1", "num_nodes"', "key that stands twice"),
        (b'"version"', b'"version": [3,2,0], "version"', "ambiguous"),
        (b'"trees"', b'"trees": [], "trees"', "ambiguous"),
        (b'"left_children"', b'"left\\u005fchildren": [], "left_children"', "an escaped character in a tree"),
        (b'"loss_changes": [', b'"loss_changes": [NaN, ', "JSON that no XGBoost wrote"),
        (b'"loss_changes": [', b'"loss_changes": [Infinity, ', "JSON that no XGBoost wrote"),
        (b'"version": [3', b'"version": [NaN', "JSON that no XGBoost wrote"),
        (b'"sum_hessian": [', b'"extra": ' + b"[" * 10**5 + b", ", "JSON that no XGBoost wrote"),
        (b'"version"', b'"extra": ' + b"[" * 10**5 + b"]" * 10**5 + b', "version"', "JSON that no XGBoost wrote"),
        (b'"classifier\\"}"', b'"classifier\\"}\xff"', "JSON that no XGBoost wrote"),
        (b'"{\\"_estimator_type\\": \\"classifier\\"}"', b'"["', "scikit_learn is no JSON object"),
        (b'"learner": {', b'"learner": {"learner": 1, "feature_names": ["a"], ', "ambiguous|feature_names"),
    ],
)
def test_json_that_could_be_read_in_two_ways_or_none_is_refused(document, refused, old, new, pattern):
    data = json.dumps(document).encode()
    assert old in data
    refused(data.replace(old, new, 1), pattern)


def test_trailing_bytes_are_refused(document, refused, classifier, saved):
    refused(json.dumps(document).encode() + b"{}", "JSON that no XGBoost wrote")
    refused(saved(classifier) + b"\0", "UBJ that no XGBoost wrote")


def test_sizes_are_limited(document, refused, monkeypatch):
    monkeypatch.setattr(files, "MAX_TREES", 3)
    refused(document, "more than 3 trees")
    monkeypatch.setattr(files, "MAX_JSON_HEAD_BYTES", 100)
    refused(document, "bytes beside its trees, expected at most 100")
    monkeypatch.setattr(files, "MAX_JSON_BYTES", 1000)
    refused(document, "bytes of JSON, expected at most 1000")


def test_a_tree_of_a_million_nodes_is_refused(document, tree, refused):
    nodes = 1_000_001
    for name in ARRAYS + UNUSED_ARRAYS:
        tree[name] = [-1] * nodes
    tree["tree_param"]["num_nodes"] = str(nodes)
    refused(document, "tree 0 has 1000001 nodes, expected 1 to 524288; limit max_depth or max_leaves")


def test_a_chain_deeper_than_the_limit_is_refused(document, tree, refused):
    splits = 600
    nodes = np.arange(2 * splits + 1)
    is_split = (nodes % 2 == 0) & (nodes < 2 * splits)
    tree["left_children"] = np.where(is_split, nodes + 1, -1).tolist()
    tree["right_children"] = np.where(is_split, nodes + 2, -1).tolist()
    tree["parents"] = np.maximum((nodes - 1) // 2 * 2, 0).tolist()
    for name in ARRAYS + UNUSED_ARRAYS:
        tree[name] = tree[name] if "children" in name or name == "parents" else [0] * len(nodes)
    tree["tree_param"]["num_nodes"] = str(len(nodes))
    refused(document, "is deeper than 512 splits; limit max_depth")


def test_thresholds_and_leaves_that_are_no_numbers_are_refused(classifier, saved, refused):
    data = saved(classifier)
    start = data.index(b"split_conditions") + len(b"split_conditions[$d#L") + 8
    nodes = int.from_bytes(data[start - 8 : start])
    for at, pattern in ((0, "threshold of NaN"), (nodes - 1, r"has the value \[nan\]")):
        place = start + 4 * at
        refused(data[:place] + np.array(np.nan, ">f4").tobytes() + data[place + 4 :], pattern)


@pytest.mark.parametrize("file_format", ["json", "ubj"])
def test_a_truncated_file_is_refused_wherever_it_ends(classifier, saved, file_format, refused):
    data = saved(classifier, file_format)
    for end in range(0, len(data) - 1, 97):
        refused(data[:end], r"^model\.ubj: ")


FLIPS = 300
ANSWER_IN_A_PROCESS_OF_ITS_OWN = """
import sys
from pathlib import Path
import numpy as np
from dwcpc.compiler.artifact import Artifact
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.sources.base import LoadOptions
from dwcpc.compiler.sources.xgboost.framework import XGBoost
x = np.random.default_rng(0).integers(-3, 5, (50, 5)).astype(np.float32)
for path in sorted(Path(sys.argv[1]).glob("*/*")):
    print(path.name, flush=True)
    try:
        estimator = XGBoost().load(Artifact(Path("m"), path.read_bytes(), ""), LoadOptions())
    except InputError:
        continue
    if estimator.spec.input_shape == (5,):
        estimator.answers(x), estimator.leaves(x)
print("all")
"""


@pytest.mark.slow
def test_flipped_bits_are_refused_or_harmless(classifier, saved, tmp_path):
    """The accepted ones are shown to XGBoost in another process, which would take the crash."""
    accepted = [
        _accepted_flips(saved(classifier, file_format), tmp_path / file_format) for file_format in ("json", "ubj")
    ]
    assert all(0 < count < FLIPS for count in accepted)
    command = [sys.executable, "-c", ANSWER_IN_A_PROCESS_OF_ITS_OWN, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-20:]
    assert done.stdout.endswith("all\n")


def _accepted_flips(saved_model, folder):
    """Write each damaged file that is read as a model; return how many there are."""
    folder.mkdir()
    data = np.frombuffer(saved_model, np.uint8)
    rng = np.random.default_rng(11)
    accepted = 0
    for flip in range(FLIPS):
        damaged = data.copy()
        damaged[rng.integers(len(data))] ^= 1 << rng.integers(8)
        try:
            model = read_model(Artifact(Path("m"), damaged.tobytes(), ""))
        except InputError:
            continue
        assert np.isfinite(model.core.forest.value).all()
        (folder / f"{flip:03}").write_bytes(damaged.tobytes())
        accepted += 1
    return accepted


def test_what_xgboost_says_is_one_line(monkeypatch, classifier, saved, load):
    def failing(self, _):
        raise xgboost.core.XGBoostError("[12:00:00] tree.cc:1: Check failed: x\nStack trace:\n  [bt] (0)")

    monkeypatch.setattr(xgboost.Booster, "load_model", failing)
    with pytest.raises(InputError, match=r"refuses the file \(.*Check failed: x\); save the model again") as caught:
        load(saved(classifier))
    assert "\n" not in str(caught.value)

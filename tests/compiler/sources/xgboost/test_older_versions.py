"""Files that older versions of XGBoost saved, with what those versions answered: `saved_by/VERSION/`.

Each `NAME.answers.json` has 40 rows (null is missing), their margins, and the labels where it was a classifier.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dwcpc.compiler.errors import InputError

SAVED_BY = Path(__file__).parent / "saved_by"
MODELS = sorted(
    path for path in SAVED_BY.glob("*/*") if path.suffix in {".ubj", ".json"} and ".answers" not in path.name
)
CLASSIFIERS = ("binary", "parallel", "text_labels", "whole_labels")


def name_of(path):
    return f"{path.parent.name}-{path.stem}"


of_each_model = pytest.mark.parametrize("path", MODELS, ids=name_of)


def answers_of(path):
    said = json.loads(path.with_name(f"{path.stem}.answers.json").read_text())
    return np.array(said["rows"], np.float32), np.array(said["margins"], np.float32), said["labels"]


@of_each_model
def test_the_core_answers_as_the_version_that_saved_it(path, load, walk):
    estimator = load(path.read_bytes())
    x, expected, _ = answers_of(path)
    margins, leaves = walk(estimator.core, x)
    np.testing.assert_array_equal(margins.view(np.int32), estimator.margins(x).view(np.int32))
    if (path.parent.name, path.stem) == ("1.3.3", "dart"):  # which added in another order
        np.testing.assert_allclose(margins, expected, rtol=0, atol=1e-6)
    else:
        np.testing.assert_array_equal(margins.view(np.int32), expected.view(np.int32))
    if path.stem != "gblinear":
        np.testing.assert_array_equal(estimator.leaves(x), leaves)


@pytest.mark.parametrize("path", [path for path in MODELS if path.stem in CLASSIFIERS], ids=name_of)
def test_the_labels_are_those_that_the_wrapper_gave(path, load):
    estimator = load(path.read_bytes())
    x, _, labels = answers_of(path)
    chosen = estimator.answers(x)["label"]
    names = dict(zip(estimator.core.label_values, estimator.core.classes, strict=True))
    assert [names[int(label)] for label in chosen] == labels


@of_each_model
def test_the_version_is_told_and_that_it_is_another_one(path, load):
    spec = load(path.read_bytes()).spec
    assert spec.framework_version == path.parent.name
    assert f"saved by xgboost {path.parent.name}" in spec.notes[0]


def test_all_the_files_are_there():
    assert len(MODELS) == 6 + 7 + 3 * 5
    assert {path.parent.name for path in MODELS} == {"1.3.3", "1.5.2", "1.6.2", "2.0.3", "3.1.2"}


def test_labels_and_missing_value_of_version_1_are_read_from_the_file(load):
    core = load((SAVED_BY / "1.3.3" / "text_labels.json").read_bytes()).core
    assert core.classes == ("down", "up")
    assert core.missing == 5.0
    assert load((SAVED_BY / "1.3.3" / "whole_labels.json").read_bytes()).core.classes == (-2, 7)


def test_a_missing_value_given_goes_before_the_one_in_the_file(load):
    data = (SAVED_BY / "1.3.3" / "text_labels.json").read_bytes()
    assert load(data, missing=2.0).core.missing == 2.0


def test_pruned_trees_keep_the_numbers_of_their_nodes(load):
    forest = load((SAVED_BY / "1.6.2" / "pruned.ubj").read_bytes()).core.forest
    reached = np.zeros(len(forest.feature), bool)
    reached[forest.roots] = True
    splits = np.flatnonzero(forest.is_split)
    reached[forest.left[splits]] = reached[forest.right[splits]] = True
    assert not reached.all()
    assert not forest.is_split[~reached].any()


def test_gblinear_without_its_rounds_is_refused(document, load):
    """XGBoost 1.3 saved none; 3.2 then adds base_score itself to the margin, 0.5 instead of 0."""
    for rounds in ({}, {"boosted_rounds": 0}, {"boosted_rounds": 1 << 40}):  # of which XGBoost keeps 32 bits
        model = {"weights": [0.5] * 6, **rounds}
        document["learner"]["gradient_booster"] = {"name": "gblinear", "model": model}
        with pytest.raises(InputError, match=r"gblinear without boosted_rounds.* fit it again with a newer xgboost"):
            load(json.dumps(document).encode())


def test_the_old_binary_format_is_refused_with_the_versions_that_read_it(load):
    data = (SAVED_BY / "1.6.2" / "old_binary.bin").read_bytes()
    assert data.startswith(b"binf")
    for old in (data, data.removeprefix(b"binf")):  # XGBoost before 1.0 wrote no magic number
        with pytest.raises(InputError, match=r"old binary format, .* xgboost from 1\.6 to 3\.0 .*save_model\("):
            load(old)

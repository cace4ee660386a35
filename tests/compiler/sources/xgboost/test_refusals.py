"""What cannot be compiled exactly is refused in one sentence that names the thing and the way out."""

from __future__ import annotations

import io
import json
import pickle

import joblib
import numpy as np
import pytest
import xgboost

from dwcpc.compiler.artifact import Artifact
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.sources.xgboost.framework import XGBoost


@pytest.fixture
def refused(load):
    """Return `refused(document, pattern)`: loading it says so, in one line."""

    def check(document, pattern):
        data = document if isinstance(document, bytes) else json.dumps(document).encode()
        with pytest.raises(InputError, match=pattern) as caught:
            load(data)
        assert str(caught.value).startswith("model.ubj: ")
        assert "\n" not in str(caught.value)

    return check


@pytest.fixture
def booster_of(document):
    """Return the part of `document` that holds the trees."""
    return document["learner"]["gradient_booster"]


def train(training, options, target=None, **matrix):
    y = (training.score > 0).astype(float) if target is None else target
    return xgboost.train({"max_depth": 3, **options}, xgboost.DMatrix(training.x, y, **matrix), 2)


@pytest.mark.parametrize("file_format", ["json", "ubj"])
@pytest.mark.parametrize("names", [None, ["a", "b", "link_type", "d", "e"]])
def test_splits_by_category_name_the_feature(training, saved, refused, file_format, names):
    x = np.nan_to_num(np.abs(training.x))
    x[:, 2] = np.arange(len(x)) % 7
    target = np.isin(x[:, 2], [1, 4, 5]).astype(float)
    rows = xgboost.DMatrix(
        x, target, feature_types=["q", "q", "c", "q", "q"], feature_names=names, enable_categorical=True
    )
    data = saved(xgboost.train({"max_depth": 3, "tree_method": "hist"}, rows, 2), file_format)
    name = " \\('link_type'\\)" if names else ""
    refused(data, f"splits feature 2{name} by categories, .* encode them as numbers")


def test_an_encoding_of_categories_is_refused(training, saved, refused):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"site": pandas.Categorical(["a", "b", "c", "d"] * 100), "load": training.score})
    model = xgboost.XGBClassifier(n_estimators=1, enable_categorical=True).fit(frame, [0, 1, 1, 0] * 100)
    refused(saved(model), "categor.* not supported; encode .* fit the model again")


def test_vector_leaves_are_refused(training, saved, refused):
    options = {"multi_strategy": "multi_output_tree", "num_class": 3, "objective": "multi:softprob"}
    model = train(training, options, np.digitize(training.score, [-4, 3]))
    refused(saved(model), 'vector leaves, .* multi_strategy="one_output_per_tree"')


def test_several_targets_are_refused(training, saved, refused):
    model = xgboost.XGBRegressor(n_estimators=2).fit(training.x, np.stack([training.score, -training.score], axis=1))
    refused(saved(model), "predicts 2 targets, expected one; fit one model for each target")


@pytest.mark.parametrize("objective", ["rank:pairwise", "survival:cox", "binary:hinge"])
def test_an_objective_whose_predictions_are_unknown_is_named_with_those_known(training, saved, refused, objective):
    model = train(training, {"objective": objective}, np.abs(training.score) > 1, group=[200, 200])
    refused(saved(model), f"objective '{objective}', .* expected one of binary:logistic, .* fit the model again")


def test_a_custom_objective_is_named(document, refused):
    document["learner"]["objective"]["name"] = "my own\n"
    refused(document, r"objective 'my own\\n', whose predictions dwcpc does not know")


@pytest.mark.parametrize("version", [[0, 90, 0], [4, 0, 0], [-1, 0, 0], [3, -2, 0]])
def test_an_unknown_version_is_refused(document, refused, version):
    document["version"] = version
    refused(document, r"saved by XGBoost [\d.-]+, expected 1\.x to 3\.x; save it with one of these")


@pytest.mark.parametrize("version", [[3, 2], [3, 2, 0, 0], "3.2.0", ["3", "2", "0"], None])
def test_a_version_of_another_form_is_refused(document, refused, version):
    document["version"] = version
    refused(document, "not what XGBoost saves .*version")


def test_an_unknown_booster_is_named(document, booster_of, refused):
    booster_of["name"] = "gbforest"
    refused(document, "the booster is 'gbforest', expected gbtree, dart or gblinear")


@pytest.mark.parametrize("dump", [pickle.dumps, lambda model: pickle.dumps(model, 2)])
def test_a_pickle_is_refused_and_not_executed(classifier, refused, dump):
    for model in (classifier, classifier.get_booster()):
        refused(dump(model), r'pickle that names xgboost\..*, and nothing in it was executed; .*save_model\("model')


def test_a_joblib_file_is_refused_as_well(classifier, refused):
    for compress in (0, 3):
        stream = io.BytesIO()
        joblib.dump({"model": classifier}, stream, compress=compress)
        refused(stream.getvalue(), r"pickle that names xgboost\.")


def test_a_pickle_of_others_is_not_ours():
    for value in ({"weights": [1.0, 2.0]}, np.float64):
        assert not XGBoost().detect(Artifact("other.pkl", pickle.dumps(value), ""))  # type: ignore[arg-type]


@pytest.mark.parametrize("dump_format", ["text", "json"])
def test_a_dump_is_refused(classifier, tmp_path, refused, dump_format):
    path = tmp_path / "dump"
    classifier.get_booster().dump_model(path, dump_format=dump_format)
    refused(path.read_bytes(), r"dump made by dump_model, .* save it with model\.save_model")


def test_what_is_not_ours_is_not_detected():
    scaler = b'{"type": "RobustScaler", "center": [0.0], "scale": [1.0]}'
    for data in (b"PK\x05\x06" + bytes(18), b"\x08\x07", scaler, b"{", b"hello world", b"{L" + bytes(30), b"[1]"):
        assert not XGBoost().detect(Artifact("x", data, ""))  # type: ignore[arg-type]


@pytest.mark.parametrize("threshold", [np.inf, -np.inf, np.finfo(np.float32).min])
def test_a_split_that_tells_finite_rows_from_infinite_ones_is_refused(classifier, saved, refused, threshold):
    data = saved(classifier)
    start = data.index(b"split_conditions") + len(b"split_conditions[$d#L") + 8
    refused(
        data[:start] + np.array(threshold, ">f4").tobytes() + data[start + 4 :],
        "has a split at .*, which no finite value is on both sides of; keep features within",
    )


@pytest.mark.parametrize("front", [b"\xef\xbb\xbf", b" ", b"\n"])
def test_bytes_in_front_that_xgboost_does_not_read_are_refused(document, refused, front):
    refused(front + json.dumps(document).encode(), "model.ubj: ")


def test_what_xgboost_refuses_is_refused_in_its_words(document, booster_of, refused):
    booster_of["model"]["trees"][0]["tree_param"]["num_deleted"] = "2"
    refused(document, r"XGBoost \d\.\d.* refuses the file \(.*\); save the model again")

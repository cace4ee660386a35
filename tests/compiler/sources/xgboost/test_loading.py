"""What the user is told about a model, and how many of its rounds count."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import xgboost

from dwcpc.compiler.artifact import Artifact
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.sources.xgboost.framework import XGBoost


def early_stopped(training):
    x, y = training.x, (training.score > 0).astype(int)
    rows, held_out = xgboost.DMatrix(x[:300], y[:300]), xgboost.DMatrix(x[300:], y[300:])
    booster = xgboost.train(
        {"objective": "binary:logistic", "eta": 0.9},
        rows,
        60,
        evals=[(held_out, "held_out")],
        early_stopping_rounds=4,
        verbose_eval=False,
    )
    assert booster.best_iteration + 5 == booster.num_boosted_rounds()
    return booster


def test_a_bare_booster_predicts_with_all_rounds_and_says_so(training, reload):
    booster = early_stopped(training)
    estimator = reload(booster)
    assert estimator.core.forest.trees == booster.num_boosted_rounds()
    assert any("all" in note and "booster[: booster.best_iteration + 1]" in note for note in estimator.spec.notes)
    expected = booster.predict(xgboost.DMatrix(training.x))
    np.testing.assert_array_equal(estimator.answers(training.x)["probability"][:, 1], expected)


def test_the_remedy_that_the_note_names_works(training, reload):
    booster = early_stopped(training)
    best = booster[: booster.best_iteration + 1]
    estimator = reload(best)
    assert estimator.core.forest.trees == booster.best_iteration + 1
    expected = booster.predict(xgboost.DMatrix(training.x), iteration_range=(0, booster.best_iteration + 1))
    np.testing.assert_array_equal(estimator.answers(training.x)["probability"][:, 1], expected)


def test_the_wrapper_predicts_up_to_its_best_round_and_says_so(training, reload):
    x, y = training.x, (training.score > 0).astype(int)
    model = xgboost.XGBClassifier(n_estimators=60, learning_rate=0.9, early_stopping_rounds=4, num_parallel_tree=2)
    model.fit(x[:300], y[:300], eval_set=[(x[300:], y[300:])], verbose=False)
    estimator = reload(model)
    assert estimator.core.forest.trees == 2 * (model.best_iteration + 1) < len(model.get_booster().get_dump())
    assert any(f"the first {model.best_iteration + 1} of" in note for note in estimator.spec.notes)
    np.testing.assert_array_equal(estimator.answers(x)["probability"].astype(np.float32), model.predict_proba(x))


def test_a_best_round_that_is_not_there_is_refused(document, load):
    document["learner"]["attributes"]["best_iteration"] = "4"
    with pytest.raises(InputError, match="best_iteration is 4 and there are 4 rounds; save the model again"):
        load(json.dumps(document).encode())


def test_the_specification(classifier, reload):
    spec = reload(classifier, "json").spec
    assert (spec.framework, spec.kind, spec.non_finite) == ("xgboost", "booster_json", "answered")
    assert spec.framework_version == xgboost.__version__
    assert spec.input_shape == (5,)
    assert spec.notes == ("XGBoost does not save `missing`: NaN alone is taken for it; --missing names another value",)


@pytest.mark.parametrize("missing", [float("nan"), -999.0, 0.1])
def test_the_missing_value_is_float32_and_nan_always_counts(classifier, reload, missing):
    core = reload(classifier, missing=missing).core
    assert core.missing is None if np.isnan(missing) else core.missing == np.float32(missing)


def test_infinity_may_be_the_missing_value(classifier, reload, training, walk):
    estimator = reload(classifier, missing=float("inf"))
    x = np.where(np.isnan(training.x), np.float32(np.inf), training.x)
    x[:9] = np.float32(-np.inf)
    margins, leaves = walk(estimator.core, x)
    np.testing.assert_array_equal(margins, estimator.margins(x))
    np.testing.assert_array_equal(leaves, estimator.leaves(x))


def test_binary_logitraw_is_said_to_be_a_regression(training, reload):
    rows = xgboost.DMatrix(training.x, training.score > 0)
    spec = reload(xgboost.train({"objective": "binary:logitraw"}, rows, 2)).spec
    assert spec.task == "regression"
    assert any("binary:logitraw" in note for note in spec.notes)


DESCRIBE = """
import sys
sys.modules["xgboost"] = None
from pathlib import Path
from dwcpc.compiler.artifact import read_artifact
from dwcpc.compiler.sources.xgboost.core import read_model
from dwcpc.compiler.sources.xgboost.framework import XGBoost
artifact = read_artifact(Path(sys.argv[1]))
assert XGBoost().detect(artifact)
print(dict(XGBoost().describe(artifact)))
print(float(read_model(artifact).core.forest.gain.sum()) > 0)
from dwcpc.compiler.sources.base import LoadOptions
try:
    XGBoost().load(artifact, LoadOptions())
except Exception as error:
    print(error)
"""


@pytest.mark.parametrize("file_format", ["json", "ubj"])
def test_description_and_core_need_no_xgboost(classifier, tmp_path, file_format):
    path = tmp_path / f"model.{file_format}"
    classifier.save_model(path)
    done = subprocess.run([sys.executable, "-c", DESCRIBE, path], capture_output=True, text=True, check=True)
    described, has_gain, refusal = done.stdout.splitlines()
    assert f"'kind': 'XGBoost {file_format.upper()}', 'version': '{xgboost.__version__}'" in described
    assert "'objective': 'binary:logistic', 'booster': 'gbtree', 'features': '5', 'trees': '4 with " in described
    assert has_gain == "True"
    assert refusal.endswith("is a model of XGBoost's and it is not installed; install dwcpc[xgboost]")


def test_names_are_printed_escaped(training, saved):
    rows = xgboost.DMatrix(training.x, training.score, feature_names=["a\x1b", "b", "c", "d", "e"])
    data = saved(xgboost.train({}, rows, 1))
    described = dict(XGBoost().describe(Artifact("m", data, "")))  # type: ignore[arg-type]
    assert described["feature names"] == "a\\x1b, b, c, d, e"

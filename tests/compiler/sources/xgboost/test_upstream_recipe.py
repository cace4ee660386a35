"""Where the plain recipe (onnxmltools, run by onnxruntime) is wrong today, and the core that is read here is not.

Each of these tests fails once upstream is right: then its line goes. Measured with onnxmltools 1.16.0 and onnxruntime
1.32.0. Boundary rows, early stopping of a classifier, base_score and the other regressions are right there by now.
"""

from __future__ import annotations

import numpy as np
import onnxmltools
import onnxruntime
import pytest
import xgboost
from onnxmltools.convert.common.data_types import FloatTensorType

STOPS_EARLY = {"n_estimators": 60, "learning_rate": 0.9, "early_stopping_rounds": 4}
OPSET = 15


def upstream(model, x):
    """Return what the plain conversion answers."""
    converted = onnxmltools.convert_xgboost(
        model, initial_types=[("x", FloatTensorType([None, x.shape[1]]))], target_opset=OPSET
    )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(converted.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})


@pytest.fixture
def core_equals(reload, walk):
    """Return `core_equals(model, x)`: the core has the margins that XGBoost's wrapper has, bit for bit."""

    def check(model, x, **options):
        margins, _ = walk(reload(model, **options).core, x)
        expected = model.predict(x, output_margin=True).reshape(len(x), -1)
        np.testing.assert_array_equal(margins.view(np.int32), expected.view(np.int32))

    return check


def trained(training, classes=2, **options):
    y = np.digitize(training.score, np.quantile(training.score, np.arange(1, classes) / classes))
    model = xgboost.XGBClassifier(**{"n_estimators": 5, "random_state": 2, **options})
    held_out = (
        {"eval_set": [(training.x[300:], y[300:])], "verbose": False} if STOPS_EARLY.items() <= options.items() else {}
    )
    return model.fit(training.x[:300], y[:300], **held_out)


@pytest.mark.parametrize("objective", ["binary:logistic", "reg:logistic"])
def test_a_regressor_of_probabilities_answers_margins(training, core_equals, objective):
    model = xgboost.XGBRegressor(objective=objective, n_estimators=5).fit(training.x, training.score > 0)
    core_equals(model, training.x)
    (answered,) = upstream(model, training.x)
    assert ((answered < 0) | (answered > 1)).any()


def test_multi_softmax_answers_margins_for_probabilities(training, core_equals):
    model = trained(training, 3, objective="multi:softmax")
    core_equals(model, training.x)
    _, answered = upstream(model, training.x)
    assert (np.abs(answered.sum(axis=1) - 1) > 0.01).any()
    np.testing.assert_allclose(model.predict_proba(training.x).sum(axis=1), 1, rtol=1e-5)


def test_parallel_trees_are_given_to_the_wrong_classes(training, core_equals):
    model = trained(training, 3, num_parallel_tree=3, subsample=0.5)
    core_equals(model, training.x)
    labels, _ = upstream(model, training.x)
    assert (labels != model.predict(training.x)).mean() > 0.1


def test_parallel_trees_of_two_classes_make_a_graph_that_does_not_load(training, core_equals):
    model = trained(training, num_parallel_tree=3, subsample=0.5)
    core_equals(model, training.x)
    with pytest.raises(Exception, match="base_values should have 0, 1, or 2 values"):
        upstream(model, training.x)


def test_parallel_trees_with_early_stopping_are_cut_at_half(training, core_equals):
    model = trained(training, **STOPS_EARLY, num_parallel_tree=2, subsample=0.8)
    core_equals(model, training.x)
    labels, answered = upstream(model, training.x)
    assert (labels != model.predict(training.x)).any()
    assert np.abs(answered - model.predict_proba(training.x)).max() > 0.05


@pytest.mark.parametrize("missing", [-999.0, 0.0])
def test_a_missing_value_is_not_taken(training, core_equals, missing):
    x = np.where(np.isnan(training.x), np.float32(missing), training.x)
    model = xgboost.XGBClassifier(n_estimators=5, missing=missing).fit(x, training.score > 0)
    core_equals(model, x, missing=missing)
    with pytest.raises(RuntimeError, match="missing values are not nan"):
        upstream(model, x)


@pytest.mark.parametrize("booster", ["dart", "gblinear"])
def test_other_boosters_end_in_a_key_error(training, reload, walk, booster):
    model = trained(training, booster=booster)
    estimator = reload(model)
    np.testing.assert_array_equal(walk(estimator.core, training.x)[0], estimator.margins(training.x))
    with pytest.raises(KeyError, match="gbtree_model_param"):
        upstream(model, training.x)


def test_what_the_recipe_does_right_is_seen_to_be_right(training, classifier, assert_same, reload):
    """The comparison itself works: a plain classifier agrees, on its thresholds too."""
    x = assert_same(reload(classifier))
    labels, answered = upstream(classifier, x)
    np.testing.assert_array_equal(labels, classifier.predict(x))
    np.testing.assert_allclose(answered, classifier.predict_proba(x), atol=1e-6)

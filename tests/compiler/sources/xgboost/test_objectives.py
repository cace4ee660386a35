"""base_score becomes the margin that XGBoost makes of it, and the label turns where its probability passes 0.5."""

from __future__ import annotations

import json

import numpy as np
import pytest
import xgboost

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.sources.xgboost.objectives import LABEL_ABOVE, OBJECTIVES, base_margin

BINARY_OBJECTIVES = [name for name, objective in OBJECTIVES.items() if objective.link != "softmax"]


def with_base_score(document, objective, text):
    learner = document["learner"]
    parameters = {"tweedie_regression_param": {"tweedie_variance_power": "1.5"}} if objective == "reg:tweedie" else {}
    learner["objective"] = {"name": objective, "reg_loss_param": {"scale_pos_weight": "1"}, **parameters}
    if objective == "reg:pseudohubererror":
        learner["objective"]["pseudo_huber_param"] = {"huber_slope": "1"}
    if objective == "count:poisson":
        learner["objective"]["poisson_regression_param"] = {"max_delta_step": "0.7"}
    learner["learner_model_param"]["base_score"] = text
    for tree in learner["gradient_booster"]["model"]["trees"]:
        tree["split_conditions"] = [
            condition if left >= 0 else 0.0
            for condition, left in zip(tree["split_conditions"], tree["left_children"], strict=True)
        ]
    return json.dumps(document).encode()


@pytest.mark.parametrize("objective", BINARY_OBJECTIVES)
@pytest.mark.parametrize("text", ["5E-1", "[5E-1]", "0.5", "[1.2345678E-1]", "9.999999E-1", "[1E-7]", "3e-1", "1"])
def test_each_spelling_is_the_margin_that_xgboost_adds(document, load, training, objective, text):
    estimator = load(with_base_score(document, objective, text))
    np.testing.assert_array_equal(np.unique(estimator.margins(training.x)), np.float32(estimator.core.base))


def test_the_logarithm_is_the_one_of_float32(document, load, training):
    """Near 1 the machine's logarithm is at times the neighbour of the correctly rounded one."""
    for objective in ("binary:logistic", "reg:gamma"):
        for score in np.random.default_rng(3).uniform(0.001, 1, 60).astype(np.float32) ** np.float32(0.01):
            estimator = load(with_base_score(document, objective, f"[{score}]"))
            margin = np.float32(estimator.margins(training.x[:1])[0, 0])
            assert margin == np.float32(base_margin(OBJECTIVES[objective], float(score)))


@pytest.mark.parametrize(
    ("objective", "text"),
    [
        ("binary:logistic", "1.1E0"),
        ("binary:logistic", "-1E-3"),
        ("reg:gamma", "[-1]"),
        ("reg:squarederror", "nan"),
        ("reg:squarederror", "1e39"),
        ("reg:squarederror", "[]"),
        ("reg:squarederror", "[0.5,0.5]"),
        ("reg:squarederror", "half"),
    ],
)
def test_a_base_score_without_a_margin_is_refused(document, load, objective, text):
    with pytest.raises(InputError, match=r"model\.ubj: base_score is .* set base_score and fit the model again"):
        load(with_base_score(document, objective, text))


def test_the_label_turns_where_xgboosts_probability_passes_a_half(document, load):
    """The trees' sum can be put onto each float32 by the margin that a row brings along."""
    booster = load(with_base_score(document, "binary:logistic", "[5E-1]")).booster
    bound = np.float32(LABEL_ABOVE)
    steps = (bound.view(np.int32) + np.arange(-5000, 5000)).astype(np.int32)
    margins = np.concatenate([steps.view(np.float32), -steps.view(np.float32), np.float32([0, -0.0, 1e-45, 1])])
    rows = xgboost.DMatrix(np.zeros((len(margins), 5), np.float32), base_margin=margins)
    np.testing.assert_array_equal(booster.predict(rows) > np.float32(0.5), margins > bound)
    np.testing.assert_array_equal(booster.predict(rows)[5000:5002], np.float32([0.5, 0.50000006]))


@pytest.mark.parametrize("label", [0, 1])
def test_a_model_of_one_class_alone_is_read(training, label, reload, assert_same):
    rows = xgboost.DMatrix(training.x, np.full(len(training.x), label))
    assert_same(reload(xgboost.train({"objective": "binary:logistic"}, rows, 2)))


def test_a_vector_of_base_scores_is_one_margin_a_class(training, reload, assert_same):
    classes = np.digitize(training.score, [-4, 3])
    estimator = reload(xgboost.XGBClassifier(n_estimators=2).fit(training.x, classes))
    assert len(set(estimator.core.base)) == 3
    assert_same(estimator)

"""The core that was read computes what XGBoost computes: margins bit for bit, the same leaves, the same labels."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import xgboost

from dwcpc.compiler.linear import LinearModel

CLASSIFIERS = {
    "plain": {},
    "stump": {"max_depth": 1},
    "deep": {"max_depth": 8, "n_estimators": 6},
    "leaves_only": {"gamma": 1e9, "n_estimators": 3},
    "base_score": {"base_score": 0.123},
    "parallel": {"num_parallel_tree": 3, "subsample": 0.5, "colsample_bynode": 0.5},
    "columns": {"colsample_bytree": 0.4, "colsample_bylevel": 0.7},
    "weighted": {"scale_pos_weight": 7.5},
    "exact": {"tree_method": "exact", "gamma": 2.0},
    "lossguide": {"grow_policy": "lossguide", "max_leaves": 7},
    "early": {"n_estimators": 60, "early_stopping_rounds": 2, "learning_rate": 0.9},
    "early_parallel": {
        "n_estimators": 60,
        "early_stopping_rounds": 2,
        "learning_rate": 0.9,
        "num_parallel_tree": 2,
        "subsample": 0.8,
    },
    "missing_-999": {"missing": -999.0},
    "missing_0": {"missing": 0.0},
    "missing_1.1": {"missing": 1.1},  # which float32 rounds
    "linear": {"booster": "gblinear"},
    "linear_missing": {"booster": "gblinear", "missing": -1.0},
}
OBJECTIVES = {
    "reg:squarederror": lambda y: y,
    "reg:squaredlogerror": lambda y: np.maximum(y, 0),
    "reg:pseudohubererror": lambda y: y,
    "reg:absoluteerror": lambda y: y,
    "reg:logistic": lambda y: 1 / (1 + np.exp(-y)),
    "binary:logistic": lambda y: (y > 0).astype(float),
    "binary:logitraw": lambda y: (y > 0).astype(float),
    "count:poisson": lambda y: np.floor(np.maximum(y, 0)),
    "reg:gamma": lambda y: np.exp(y / 4),
    "reg:tweedie": lambda y: np.maximum(y, 0),
}
BOOSTERS = {
    "gbtree": {"max_depth": 4},
    "dart": {"booster": "dart", "max_depth": 4, "rate_drop": 0.4, "one_drop": True},
    "gblinear": {"booster": "gblinear"},
}
both_formats = pytest.mark.parametrize("file_format", ["json", "ubj"])


def trained_classifier(training, classes=2, **options):
    features, score = training
    y = np.digitize(score, np.quantile(score, np.arange(1, classes) / classes))
    missing = options.get("missing", np.nan)
    x = np.where(np.isnan(features), np.float32(missing), features)
    model = xgboost.XGBClassifier(**{"n_estimators": 9, "max_depth": 4, "random_state": 3, **options})
    held_out = {"eval_set": [(x[300:], y[300:])], "verbose": False} if "early_stopping_rounds" in options else {}
    return model.fit(x[:300], y[:300], **held_out)


@both_formats
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("options", CLASSIFIERS.values(), ids=CLASSIFIERS.keys())
def test_a_classifier(training, options, classes, file_format, reload, assert_same):
    if classes > 2:
        options = {name: value for name, value in options.items() if name != "scale_pos_weight"}
    model = trained_classifier(training, classes, **options)
    estimator = reload(model, file_format, missing=options.get("missing"))
    assert estimator.spec.model_type == "xgboost_classifier"
    assert estimator.spec.task == "classification"
    assert estimator.core.classes == tuple(range(classes))
    x = assert_same(estimator)
    answers = estimator.answers(x)
    if not isinstance(estimator.core, LinearModel):  # inplace_predict takes infinities as they are
        np.testing.assert_array_equal(answers["label"], model.predict(x))
        np.testing.assert_array_equal(answers["probability"].astype(np.float32), model.predict_proba(x))


@pytest.mark.parametrize("options", CLASSIFIERS.values(), ids=CLASSIFIERS.keys())
def test_the_labels_of_the_core_are_those_of_xgbclassifier(training, options, reload, assert_same, walk):
    model = trained_classifier(training, **options)
    estimator = reload(model, missing=options.get("missing"))
    x = assert_same(estimator)
    if isinstance(estimator.core, LinearModel):
        x = x[~np.isinf(x).any(axis=1)]
    margins, _ = walk(estimator.core, x)
    np.testing.assert_array_equal(margins[:, 0] > estimator.core.label_above, model.predict(x))


def trained_booster(training, objective, options):
    features, score = training
    target = np.digitize(score, [-1, 1, 2]) if objective.startswith("multi:") else OBJECTIVES[objective](score)
    classes = {"num_class": 4} if objective.startswith("multi:") else {}
    data = xgboost.DMatrix(features, target, feature_names=["cpu", "rtt", "loss", "queue", "jitter"])
    return xgboost.train({"objective": objective, "seed": 1, **classes, **options}, data, 8)


@both_formats
@pytest.mark.parametrize("options", BOOSTERS.values(), ids=BOOSTERS.keys())
@pytest.mark.parametrize("objective", [*OBJECTIVES, "multi:softprob", "multi:softmax"])
def test_a_booster(training, objective, options, file_format, reload, assert_same):
    booster = trained_booster(training, objective, options)
    estimator = reload(booster, file_format)
    is_classifier = objective == "binary:logistic" or objective.startswith("multi:")
    assert estimator.spec.task == ("classification" if is_classifier else "regression")
    assert estimator.spec.feature_names == ("cpu", "rtt", "loss", "queue", "jitter")
    x = assert_same(estimator)
    finite = x[~np.isinf(x).any(axis=1)]
    expected = booster.predict(xgboost.DMatrix(finite), validate_features=False)
    answers = estimator.answers(finite)
    if objective == "multi:softmax":
        np.testing.assert_array_equal(answers["label"], expected)
    elif is_classifier:
        of_last = expected if expected.ndim == 1 else expected[:, -1]
        np.testing.assert_array_equal(answers["probability"][:, -1].astype(np.float32), of_last)
    else:
        np.testing.assert_array_equal(answers["prediction"][:, 0].astype(np.float32), expected)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_regressor_predicts_even_what_a_booster_would_classify(training, objective, reload):
    features, score = training
    model = xgboost.XGBRegressor(objective=objective, n_estimators=3).fit(features, OBJECTIVES[objective](score))
    estimator = reload(model)
    assert estimator.spec.model_type == "xgboost_regressor"
    assert estimator.core.classes == ()
    predicted = estimator.answers(features)["prediction"]
    np.testing.assert_array_equal(predicted[:, 0].astype(np.float32), model.predict(features))


def linked(core, margins):
    """The formulas of the core's link, in float64."""
    m = margins.astype(np.float64)
    match core.link:
        case "logistic":
            p = 1 / (1 + np.exp(-m[:, 0]))
            return np.stack([1 - p, p], axis=1) if core.classes else p[:, None]
        case "softmax":
            share = np.exp(m - m.max(axis=1, keepdims=True))
            return share / share.sum(axis=1, keepdims=True)
        case "exponential":
            return np.exp(m)
    return m


@pytest.mark.parametrize("options", BOOSTERS.values(), ids=BOOSTERS.keys())
@pytest.mark.parametrize("objective", [*OBJECTIVES, "multi:softprob", "multi:softmax"])
def test_the_link_leads_from_margins_to_the_answers(training, objective, options, reload, walk):
    estimator = reload(trained_booster(training, objective, options))
    answers = estimator.answers(training.x)
    margins, _ = walk(estimator.core, training.x)
    expected = answers["probability"] if estimator.core.classes else answers["prediction"]
    np.testing.assert_allclose(linked(estimator.core, margins), expected, rtol=1e-5, atol=1e-6)


def test_at_most_instead_of_below_would_be_seen(classifier, reload, walk, assert_same):
    estimator = reload(classifier)
    x = assert_same(estimator)
    forest = estimator.core.forest
    above = np.nextafter(forest.threshold, np.float32(np.inf))
    loose = dataclasses.replace(estimator.core, forest=dataclasses.replace(forest, threshold=above))
    margins, leaves = walk(loose, x)
    assert (leaves != estimator.leaves(x)).any()
    assert (margins != estimator.margins(x)).any()


def test_adding_in_float64_would_be_seen(training, reload, walk):
    estimator = reload(trained_classifier(training, n_estimators=40))
    margins, leaves = walk(estimator.core, training.x)
    forest = estimator.core.forest
    in_float64 = estimator.core.base[0] + forest.value[forest.roots + leaves, 0].sum(axis=1)
    assert (in_float64.astype(np.float32) != margins[:, 0]).any()


def test_an_infinity_weighs_in_a_linear_model_as_in_arithmetic(training, reload):
    estimator = reload(trained_booster(training, "binary:logistic", BOOSTERS["gblinear"]))
    weights = estimator.core.weights[:, 0]
    x = np.tile(training.x[:1], (2 * len(weights), 1))
    x[np.arange(len(x)), np.arange(len(x)) % len(weights)] = np.inf * np.sign(np.arange(len(x)) - len(weights) + 0.5)
    expected = np.concatenate([-weights, weights]) > 0
    answers = estimator.answers(x)
    np.testing.assert_array_equal(answers["label"], expected)
    np.testing.assert_array_equal(answers["probability"][:, 1], expected)

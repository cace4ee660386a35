"""Models that cannot be expressed exactly, each refused with a sentence that names what is in the way."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas
import pytest
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from dwcpc.compiler.errors import InputError

FEW = {"n_estimators": 3, "random_state": 4}


def categorical(data: dict[str, np.ndarray]) -> Any:
    frame = pandas.DataFrame(data["x"], columns=list("abcdef"))
    frame["d"] = pandas.Categorical(np.array(["red", "green"])[data["two"]])
    return HistGradientBoostingClassifier(max_iter=2, categorical_features=["d"]).fit(frame, data["two"])


def both(data: dict[str, np.ndarray]) -> np.ndarray:
    return np.stack([data["two"], data["three"]], axis=1)


REFUSED = {
    "several outputs": (
        lambda data: RandomForestRegressor(**FEW).fit(data["x"], both(data)),
        "predicts 2 outputs at once, expected one; fit one model for each",
    ),
    "several outputs of a tree": (
        lambda data: DecisionTreeClassifier().fit(data["x"], both(data)),
        "predicts 2 outputs at once",
    ),
    "not fitted": (lambda _: RandomForestClassifier(), "is not fitted, for it has no estimators_; save it after fit"),
    "a tree not fitted": (lambda _: DecisionTreeClassifier(), "is not fitted, for it has no tree_"),
    "isolation not fitted": (lambda _: IsolationForest(), "is not fitted, for it has no estimators_"),
    "boosting not fitted": (lambda _: GradientBoostingRegressor(), "is not fitted, for it has no estimators_"),
    "histogram not fitted": (lambda _: HistGradientBoostingRegressor(), "is not fitted, for it has no _predictors"),
    "regression not fitted": (lambda _: LogisticRegression(), "is not fitted, for it has no coef_"),
    "a scaler not fitted": (
        lambda data: Pipeline(
            [("a", RobustScaler()), ("b", RandomForestClassifier(**FEW).fit(data["x"], data["two"]))]
        ),
        "the RobustScaler is not fitted",
    ),
    "one class": (
        lambda data: RandomForestClassifier(**FEW).fit(data["x"], np.ones(len(data["x"]))),
        "knows 1 class, expected two or more",
    ),
    "a category": (categorical, r"feature 3 \(d\) of the HistGradientBoostingClassifier is categorical"),
    "its own start": (
        lambda data: GradientBoostingClassifier(init=LogisticRegression(), **FEW).fit(data["x"], data["two"]),
        "GradientBoostingClassifier starts from an init estimator of its own",
    ),
    "a start of another class": (
        lambda data: GradientBoostingRegressor(init=LinearRegression(), **FEW).fit(data["x"], data["number"]),
        r"names sklearn\.linear_model\._base\.LinearRegression",
    ),
    "a step of another class": (
        lambda data: make_pipeline(PCA(2), RandomForestClassifier(**FEW)).fit(data["x"], data["two"]),
        r"names sklearn\.decomposition\._pca\.PCA, expected IsolationForest",
    ),
    "an estimator as a step": (
        lambda data: Pipeline([("a", DecisionTreeClassifier()), ("b", IsolationForest())]),
        "Pipeline has a DecisionTreeClassifier before its last step",
    ),
    "nothing but scalers": (
        lambda data: make_pipeline(RobustScaler(), StandardScaler()).fit(data["x"]),
        "is a StandardScaler, expected IsolationForest",
    ),
    "no step": (lambda _: Pipeline([("a", None), ("b", "passthrough")]), "has no step that does anything"),
    "widths that differ": (
        lambda data: Pipeline(
            [
                ("a", RobustScaler().fit(data["x"][:, :4])),
                ("b", RandomForestClassifier(**FEW).fit(data["x"], data["two"])),
            ]
        ),
        "RobustScaler of the Pipeline is for 4 features, expected the 6 of the RandomForestClassifier",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_is_refused_with_a_sentence(name, data, load) -> None:
    made, reason = REFUSED[name]
    with pytest.raises(InputError, match=reason) as failure:
        load(pickle.dumps(made(data), 5))
    assert str(failure.value).startswith("model.pkl: ")
    assert "\n" not in str(failure.value)


def changed(kind: str, **values: Any) -> Any:
    return lambda name, state: state.update(values) if name == kind else None


BAD_STATES = {
    "features of isolation trees": (
        lambda data: IsolationForest(max_features=3, **FEW).fit(data["x"]),
        changed("IsolationForest", estimators_features_=[np.array([0, 1, 6])] * 3),
        "expected feature numbers below 6",
    ),
    "too few features of isolation trees": (
        lambda data: IsolationForest(max_features=3, **FEW).fit(data["x"]),
        changed("IsolationForest", estimators_features_=[np.array([0, 1])] * 3),
        "a list of arrays of 3 feature numbers",
    ),
    "too many features of isolation trees": (
        lambda data: IsolationForest(max_features=3, **FEW).fit(data["x"]),
        changed("IsolationForest", _max_features=7),
        "_max_features of the IsolationForest is 7, expected a whole number from 1 to 6",
    ),
    "path lengths of isolation trees": (
        lambda data: IsolationForest(**FEW).fit(data["x"]),
        changed("IsolationForest", _decision_path_lengths=[np.zeros(3)] * 3),
        "arrays with a number for each node",
    ),
    "path lengths that are NaN": (
        lambda data: IsolationForest(**FEW).fit(data["x"][:1]),
        changed("IsolationForest", _average_path_length_per_tree=[np.array([np.nan])] * 3),
        "expected numbers from 0 on",
    ),
    "an offset of NaN": (
        lambda data: IsolationForest(**FEW).fit(data["x"]),
        changed("IsolationForest", offset_=np.nan),
        "offset_ of the IsolationForest is nan, expected a finite number",
    ),
    "more classes than leaves have": (
        lambda data: RandomForestClassifier(**FEW).fit(data["x"], data["two"]),
        changed("RandomForestClassifier", classes_=np.arange(10**6), n_classes_=10**6),
        "is not for 6 features and 1000000 values a leaf",
    ),
    "a count of classes that differs": (
        lambda data: RandomForestClassifier(**FEW).fit(data["x"], data["two"]),
        changed("RandomForestClassifier", n_classes_=3),
        "n_classes_ of the RandomForestClassifier is 3, expected 2",
    ),
    "names that are too few": (
        lambda data: RandomForestClassifier(**FEW).fit(data["x"], data["two"]),
        changed("RandomForestClassifier", feature_names_in_=np.array(["a"], object)),
        "expected 6 names",
    ),
    "a learning rate that is infinite": (
        lambda data: GradientBoostingRegressor(**FEW).fit(data["x"], data["number"]),
        changed("GradientBoostingRegressor", learning_rate=np.inf),
        "learning_rate of the GradientBoostingRegressor is inf, expected a finite number",
    ),
    "a learning rate that overflows": (
        lambda data: GradientBoostingRegressor(**FEW).fit(data["x"], data["number"] * 1e10),
        changed("GradientBoostingRegressor", learning_rate=1e308),
        "a number that keeps every leaf finite",
    ),
    "stages of another width": (
        lambda data: GradientBoostingClassifier(**FEW).fit(data["x"], data["two"]),
        changed("GradientBoostingClassifier", estimators_=np.empty((1, 3), object)),
        "expected an array of 1 trees a stage",
    ),
    "a loss that is unknown": (
        lambda data: HistGradientBoostingRegressor(max_iter=2).fit(data["x"], data["number"]),
        changed("HistGradientBoostingRegressor", loss="\x1b[2J"),
        r"is '\\x1b\[2J', expected one of squared_error",
    ),
    "a prior that is no probability": (
        lambda data: GradientBoostingClassifier(**FEW).fit(data["x"], data["two"]),
        changed("DummyClassifier", class_prior_=np.array([-1.0, 2.0])),
        "class_prior_ of the DummyClassifier",
    ),
    "a start that draws": (
        lambda data: GradientBoostingClassifier(**FEW).fit(data["x"], data["two"]),
        changed("DummyClassifier", strategy="stratified"),
        "strategy of the DummyClassifier is 'stratified'",
    ),
    "a baseline of float32": (
        lambda data: HistGradientBoostingRegressor(max_iter=2).fit(data["x"], data["number"]),
        changed("HistGradientBoostingRegressor", _baseline_prediction=np.zeros((1, 1), np.float32)),
        "_baseline_prediction of the HistGradientBoostingRegressor",
    ),
    "a range that is turned": (
        lambda data: make_pipeline(MinMaxScaler(clip=True), LogisticRegression()).fit(data["x"], data["two"]),
        changed("MinMaxScaler", feature_range=(1, 0)),
        "expected two numbers, the smaller first",
    ),
    "a scale that is negative": (
        lambda data: make_pipeline(MinMaxScaler(), LogisticRegression()).fit(data["x"], data["two"]),
        changed("MinMaxScaler", scale_=-np.ones(6)),
        "scale_ of the MinMaxScaler",
    ),
}


@pytest.mark.parametrize("name", BAD_STATES)
def test_what_no_fit_leaves_behind_is_refused(name, data, edited, load) -> None:
    made, edit, reason = BAD_STATES[name]
    model = made(data)
    load(pickle.dumps(model))
    with pytest.raises(InputError, match=reason) as failure:
        load(edited(model, edit))
    assert str(failure.value).isprintable()

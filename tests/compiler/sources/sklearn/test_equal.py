"""For each estimator and option: the rebuilt reference is the fitted one, and the core is the same bit for bit."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sklearn
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor

from dwcpc.compiler.sources.sklearn.flat_trees import not_above

Fit = Callable[[dict[str, np.ndarray]], Any]
SEED = {"random_state": 4}
FEW = {"n_estimators": 7, **SEED}
STAGES = {"max_iter": 8, "max_leaf_nodes": 9, **SEED}


def on(model: Any, target: str = "two", x: str = "x", **options: Any) -> Fit:
    return lambda data: model.fit(data[x], data[target], **options)


def named(model: Any, names: list[Any], target: str = "two") -> Fit:
    return lambda data: model.fit(data["x"], np.array(names)[data[target]])


def weighted(model: Any, target: str) -> Fit:
    return lambda data: model.fit(data["x"], data[target], sample_weight=data["weight"])


CASES: dict[str, Fit] = {
    "isolation": on(IsolationForest(n_estimators=15, **SEED)),
    "isolation of some features": on(IsolationForest(n_estimators=15, max_features=0.5, contamination=0.1, **SEED)),
    "isolation of one feature": on(IsolationForest(n_estimators=5, max_features=1, **SEED)),
    "isolation with bootstrap": on(IsolationForest(n_estimators=9, bootstrap=True, max_samples=0.3, **SEED)),
    "isolation of 37": on(IsolationForest(n_estimators=9, max_samples=37, **SEED)),
    "isolation of two": on(IsolationForest(n_estimators=9, max_samples=2, **SEED)),
    "isolation of one": on(IsolationForest(n_estimators=9, max_samples=1, **SEED)),
    "isolation with weights": weighted(IsolationForest(n_estimators=9, **SEED), "two"),
    "isolation of NaN": on(IsolationForest(n_estimators=9, **SEED), x="missing"),
    "forest": on(RandomForestClassifier(**FEW)),
    "forest of three": on(RandomForestClassifier(**FEW), "three"),
    "forest of NaN": on(RandomForestClassifier(**FEW), "three", x="missing"),
    "forest of stumps": on(RandomForestClassifier(max_depth=1, **FEW), "three"),
    "forest of leaves": on(RandomForestClassifier(min_samples_leaf=200, **FEW)),
    "forest without bootstrap": on(RandomForestClassifier(bootstrap=False, max_features=None, **FEW)),
    "forest of samples": on(RandomForestClassifier(max_samples=0.4, oob_score=True, n_jobs=2, **FEW)),
    "forest balanced": on(RandomForestClassifier(class_weight="balanced_subsample", max_depth=4, **FEW), "three"),
    "forest with class weights": on(RandomForestClassifier(class_weight={0: 1.5, 1: 0.3}, max_depth=4, **FEW)),
    "forest with weights": weighted(RandomForestClassifier(max_depth=4, **FEW), "three"),
    "forest of text": named(RandomForestClassifier(**FEW), ["up", "down", "läuft"], "three"),
    "forest of truth": named(RandomForestClassifier(**FEW), [False, True]),
    "forest of negative": named(RandomForestClassifier(**FEW), [-1, 7]),
    "forest of objects": named(RandomForestClassifier(**FEW), np.array(["a", "b"], object)),
    "forest of floats": named(RandomForestClassifier(**FEW), [0.0, 2.0]),
    "forest regression": on(RandomForestRegressor(**FEW), "number"),
    "forest regression of NaN": on(RandomForestRegressor(**FEW), "number", x="missing"),
    "forest absolute": on(RandomForestRegressor(criterion="absolute_error", max_depth=3, **FEW), "number"),
    "forest poisson": on(
        RandomForestRegressor(criterion="poisson", monotonic_cst=[1, 0, 0, 0, 0, -1], **FEW), "number"
    ),
    "extra trees": on(ExtraTreesClassifier(**FEW), "three"),
    "extra trees of NaN": on(ExtraTreesClassifier(**FEW), "three", x="missing"),
    "extra trees regression": on(ExtraTreesRegressor(**FEW), "number"),
    "tree": on(DecisionTreeClassifier(**SEED), "three"),
    "tree pruned": on(DecisionTreeClassifier(ccp_alpha=0.01, **SEED), "three"),
    "tree of a leaf": on(DecisionTreeClassifier(min_samples_leaf=200), "three"),
    "tree by leaves": on(DecisionTreeRegressor(max_leaf_nodes=12, **SEED), "number"),
    "tree of NaN": on(DecisionTreeRegressor(max_depth=5, **SEED), "number", x="missing"),
    "extra tree": on(ExtraTreeClassifier(**SEED), "three"),
    "extra tree by the best": on(ExtraTreeClassifier(splitter="best", **SEED), "three"),
    "extra tree regression": on(ExtraTreeRegressor(**SEED), "number"),
    "boosting": on(GradientBoostingClassifier(**FEW)),
    "boosting of three": on(GradientBoostingClassifier(**FEW), "three"),
    "boosting from zero": on(GradientBoostingClassifier(init="zero", **FEW)),
    "boosting of three from zero": on(GradientBoostingClassifier(init="zero", **FEW), "three"),
    "boosting exponential": on(GradientBoostingClassifier(loss="exponential", **FEW)),
    "boosting with weights": weighted(GradientBoostingClassifier(subsample=0.6, learning_rate=0.33, **FEW), "three"),
    "boosting of text": named(GradientBoostingClassifier(**FEW), ["no", "yes"]),
    "boosting regression": on(GradientBoostingRegressor(**FEW), "number"),
    "boosting absolute": on(GradientBoostingRegressor(loss="absolute_error", max_depth=1, **FEW), "number"),
    "boosting huber": on(GradientBoostingRegressor(loss="huber", **FEW), "number"),
    "boosting quantile": on(GradientBoostingRegressor(loss="quantile", alpha=0.8, **FEW), "number"),
    "boosting regression from zero": on(GradientBoostingRegressor(init="zero", learning_rate=1, **FEW), "number"),
    "boosting stopped early": on(GradientBoostingRegressor(n_iter_no_change=2, n_estimators=60, **SEED), "number"),
    "histogram": on(HistGradientBoostingClassifier(**STAGES)),
    "histogram of three": on(HistGradientBoostingClassifier(**STAGES), "three"),
    "histogram of NaN": on(HistGradientBoostingClassifier(**STAGES), "three", x="missing"),
    "histogram of text": named(HistGradientBoostingClassifier(**STAGES), ["x", "y", "z"], "three"),
    "histogram constrained": on(
        HistGradientBoostingClassifier(
            monotonic_cst=[1, 0, 0, -1, 0, 0], interaction_cst=[{0, 1, 3}, {2, 4, 5}], class_weight="balanced", **STAGES
        )
    ),
    "histogram stopped early": on(HistGradientBoostingRegressor(early_stopping=True, **STAGES), "number"),
    "histogram regression": on(HistGradientBoostingRegressor(**STAGES), "number"),
    "histogram regression of NaN": on(HistGradientBoostingRegressor(**STAGES), "number", x="missing"),
    "histogram absolute": on(HistGradientBoostingRegressor(loss="absolute_error", **STAGES), "number"),
    "histogram quantile": on(HistGradientBoostingRegressor(loss="quantile", quantile=0.9, **STAGES), "number"),
    "histogram gamma": on(HistGradientBoostingRegressor(loss="gamma", **STAGES), "number"),
    "histogram poisson": on(HistGradientBoostingRegressor(loss="poisson", **STAGES), "number"),
    "histogram of a leaf": on(HistGradientBoostingRegressor(min_samples_leaf=200, **STAGES), "number"),
    "robust forest": on(make_pipeline(RobustScaler(), RandomForestClassifier(**FEW)), "three"),
    "standard isolation": on(make_pipeline(StandardScaler(), IsolationForest(max_features=4, **FEW))),
    "ranged histogram": on(
        make_pipeline(MinMaxScaler(clip=True), HistGradientBoostingRegressor(**STAGES)), "number", x="missing"
    ),
    "three scalers": on(
        Pipeline(
            [
                ("first", RobustScaler(with_centering=False, quantile_range=(10, 90))),
                ("none", None),
                ("second", StandardScaler(with_std=False)),
                ("nothing", "passthrough"),
                ("third", MinMaxScaler((-3, 0.1))),
                ("last", GradientBoostingClassifier(**FEW)),
            ]
        )
    ),
}


@pytest.fixture(params=CASES, scope="module")
def case(request, data, kept) -> Any:
    """A fitted model, and what is loaded of its pickle."""
    fitted = CASES[request.param](data)
    return fitted, kept(fitted)


def last_of(fitted: Any) -> Any:
    return fitted[-1] if isinstance(fitted, Pipeline) else fitted


def scaled_by(fitted: Any, x: np.ndarray) -> np.ndarray:
    return fitted[:-1].transform(x) if isinstance(fitted, Pipeline) else x


def test_the_reference_answers_as_the_fitted_model_does(case, rows) -> None:
    fitted, model = case
    x = rows(model.core.forest, nan=model.spec.non_finite == "answered")
    answers = model.answers(x)
    with sklearn.config_context(assume_finite=True):
        if model.spec.task == "anomaly_detection":
            np.testing.assert_array_equal(answers["anomaly_score"], fitted.score_samples(x))
            return
        expected = fitted.predict(x)
        if model.spec.task == "regression":
            np.testing.assert_array_equal(answers["prediction"], expected[:, np.newaxis])
            return
        np.testing.assert_array_equal(answers["probability"], fitted.predict_proba(x))
    classes = last_of(fitted).classes_
    as_label = dict(zip(classes.tolist(), model.core.label_values, strict=True))
    np.testing.assert_array_equal(answers["label"], [as_label[label] for label in expected.tolist()])
    assert len(model.core.classes) == len(classes)
    assert model.core.classes == tuple(classes.tolist()) or not all(isinstance(value, int) for value in classes)


def test_the_core_walks_and_adds_as_scikit_learn_does(case, rows, walk) -> None:
    fitted, model = case
    core = model.core
    x = rows(core.forest, nan=model.spec.non_finite == "answered")
    answers, reached = model.answers(x), model.leaves(x)
    with sklearn.config_context(assume_finite=True):
        scaled = scaled_by(fitted, x)
        leaves, m = walk(core, scaled)
        np.testing.assert_array_equal(reached, leaves)
        assert reached.dtype == np.int32
        if core.link == "isolation":
            np.testing.assert_array_equal(answers["anomaly_score"], -(2.0 ** -m[:, 0]))
        elif core.link in ("average", "identity"):
            np.testing.assert_array_equal(answers["probability" if core.classes else "prediction"], m)
        else:
            np.testing.assert_array_equal(last_of(fitted)._raw_predict(scaled), m)
    if core.link == "exponential":
        np.testing.assert_allclose(answers["prediction"], np.exp(m), rtol=4e-16)
    if core.link in ("logistic", "softmax"):
        np.testing.assert_allclose(answers["probability"], probabilities(core, m), rtol=1e-15, atol=2e-16)
    if core.classes:
        np.testing.assert_array_equal(answers["label"], np.array(core.label_values)[chosen(core, m)])


def probabilities(core: Any, m: np.ndarray) -> np.ndarray:
    if core.link == "softmax":
        powers = np.exp(m - m.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)
    second = 1 / (1 + np.exp(-core.slope * m[:, 0]))
    return np.stack([1 - second, second], axis=1)


def chosen(core: Any, m: np.ndarray) -> np.ndarray:
    return (m[:, 0] > core.label_above).astype(int) if m.shape[1] == 1 else m.argmax(axis=1)


@pytest.mark.parametrize("name", ["forest of three", "histogram of three", "isolation of some features", "tree"])
def test_thresholds_rounded_to_the_nearest_float32_are_found_out(name, data, kept, rows, walk) -> None:
    model = kept(CASES[name](data))
    forest, exact = model.core.forest, model.model.read.content.trees.threshold
    nearest = np.where(forest.is_split, exact, 0).astype(np.float32)
    assert (nearest > forest.threshold).any()
    x = rows(forest, nan=False)
    wrong = dataclasses.replace(model.core, forest=dataclasses.replace(forest, threshold=nearest))
    assert not np.array_equal(model.leaves(x), walk(wrong, x)[0])


@pytest.mark.parametrize("name", ["forest of NaN", "histogram of NaN", "isolation of NaN", "extra trees of NaN"])
def test_missing_values_sent_the_other_way_are_found_out(name, data, kept, rows, walk) -> None:
    model = kept(CASES[name](data))
    x = rows(model.core.forest, nan=True)
    forest = dataclasses.replace(model.core.forest, missing_left=~model.core.forest.missing_left)
    assert not np.array_equal(model.leaves(x), walk(dataclasses.replace(model.core, forest=forest), x)[0])


def test_an_isolation_forest_whose_features_are_not_renumbered_is_found_out(data, kept, rows, walk) -> None:
    model = kept(CASES["isolation of some features"](data))
    x = rows(model.core.forest, nan=False)
    own = dataclasses.replace(
        model.core.forest, feature=np.where(model.core.forest.is_split, model.core.forest.feature % 3, -1)
    )
    assert not np.array_equal(model.leaves(x), walk(dataclasses.replace(model.core, forest=own), x)[0])


def test_the_float32_threshold_is_the_largest_that_is_not_above() -> None:
    random = np.random.default_rng(2)
    limits = [
        0.0,
        -0.0,
        1e-50,
        -1e-50,
        1e-45,
        3e38,
        3.5e38,
        -3.5e38,
        1e300,
        -1e300,
        np.inf,
        -np.inf,
        1.5,
        2**-149 * 0.7,
    ]
    t = np.concatenate([limits, random.normal(size=2000), np.exp(random.uniform(-110, 95, 2000))])
    low = not_above(t)
    assert low.dtype == np.float32
    assert (low.astype(np.float64) <= t).all()
    above = np.nextafter(low, np.float32(np.inf)).astype(np.float64)
    assert ((above > t) | np.isposinf(low)).all()
    assert np.isnan(not_above(np.array([np.nan]))).all()


def test_gains_are_the_feature_importances(data, kept) -> None:
    fitted = RandomForestClassifier(max_depth=5, **FEW).fit(data["x"], data["three"])
    forest = kept(fitted).core.forest
    for tree, member in enumerate(fitted.estimators_):
        own = (forest.tree_of == tree) & forest.is_split
        won = np.bincount(forest.feature[own], forest.gain[own], fitted.n_features_in_)
        np.testing.assert_allclose(
            won, member.tree_.compute_feature_importances(normalize=False), rtol=1e-9, atol=1e-12
        )

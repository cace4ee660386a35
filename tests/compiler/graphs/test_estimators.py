"""What stands around an estimator in the graph: scalers folded or kept, missing values, rows that are refused."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from dwcpc.compiler.graphs.built import Surroundings
from dwcpc.compiler.graphs.estimators import build_estimator
from dwcpc.compiler.linear import LinearModel
from dwcpc.compiler.metadata import SessionSettings
from dwcpc.compiler.min_max import MinMaxScaling
from dwcpc.compiler.ort_session import open_session
from dwcpc.compiler.scalers import Scaler
from dwcpc.compiler.sources.base import ModelSpec
from dwcpc.compiler.trees.ensemble import TreeEnsemble
from dwcpc.compiler.trees.fold_scaler import FOLD_SCALERS
from dwcpc.compiler.trees.forest import LEAF, Forest

FEATURES = 3
SCALER = Scaler("RobustScaler", (20.0, 0.01, -3.0), (5.0, 6.4e-7, 1.0))
MIN_MAX = MinMaxScaling((0.5, 2.0, 0.1), (0.1, -0.2, 0.3))
NO_ONE = Surroundings(None, None)


@dataclass(frozen=True)
class Loaded:
    """As much of an estimator as building its graph asks for."""

    core: object
    scalers: tuple = ()
    non_finite: str = "answered"
    features: int = FEATURES

    @property
    def spec(self):
        shape = (self.features,)
        return ModelSpec("none", "0", "none", "made up", "classification", shape, non_finite=self.non_finite)


def stump(threshold=0.25, feature=1, missing_left=False, **options):
    """One split: −1 on the left, 1 on the right."""
    forest = Forest(
        FEATURES,
        np.zeros(1, np.int32),
        np.array([feature, LEAF, LEAF], np.int32),
        np.array([threshold, 0, 0], np.float32),
        np.array([1, -1, -1], np.int32),
        np.array([2, -1, -1], np.int32),
        np.array([missing_left, False, False]),
        np.array([[0.0], [-1.0], [1.0]]),
    )
    return TreeEnsemble(forest, "logistic", (0.0,), np.zeros(1, np.int32), classes=(0, 1), **options)


def linear(link="logistic", classes=(0, 1)):
    columns = 1 if link == "logistic" else len(classes)
    rng = np.random.default_rng(0)
    return LinearModel(rng.normal(size=(FEATURES, columns)), rng.normal(size=columns), link, classes)


def run(loaded, rows, around=NO_ONE):
    built = build_estimator(loaded, around, 20, None, lambda _: None)
    session = open_session(built.model.SerializeToString(), SessionSettings())
    names = [tensor.name for tensor in built.outputs]
    return built, dict(zip(names, session.run(names, {"input": rows}), strict=True))


def near(raw, feature=1):
    """Return rows whose feature lies at `raw` and within three float32 of it."""
    rows = np.zeros((7, FEATURES), np.float32)
    value = np.float32(raw)
    for _ in range(3):
        value = np.nextafter(value, np.float32(-np.inf))
    for row in rows:
        row[feature], value = value, np.nextafter(value, np.float32(np.inf))
    return rows


def test_the_scaler_and_the_pipelines_own_vanish_into_the_thresholds():
    loaded = Loaded(stump(), scalers=(MIN_MAX,))
    raw = 0.01 + 6.4e-7 * (0.25 + 0.2) / 2
    rows = near(raw)
    built, found = run(loaded, rows, Surroundings(SCALER, None))
    (record,) = built.passes
    assert (record.name, record.changed, record.refused) == (FOLD_SCALERS, 1, ())
    assert built.model.graph.node[0].op_type == "TreeEnsemble"
    assert not any(node.op_type == "Div" for node in built.model.graph.node)
    behind = MIN_MAX.transform(SCALER.transform(rows))[:, 1] > np.float32(0.25)
    assert np.array_equal(found["label"], behind)
    assert 0 < behind.sum() < len(rows)


def test_where_a_scaled_value_stands_for_a_missing_one_the_scaler_stays():
    rows = np.zeros((3, FEATURES), np.float32)
    rows[:, 0] = [20.0, 0.0, 10.0]  # scaled: 0, −4 (missing), −2
    core = stump(threshold=-5.0, feature=0, missing=-4.0, missing_left=True)
    built, found = run(Loaded(core), rows, Surroundings(SCALER, None))
    assert built.passes[0].changed == 0
    assert "stands for a missing one: the scaler stays in the graph" in built.passes[0].refused[0]
    assert found["label"].tolist() == [1, 0, 1]


def test_where_a_scaler_clips_below_a_threshold_it_stays():
    clips = MinMaxScaling((1.0,) * FEATURES, (0.0,) * FEATURES, (0.0, 1.0))
    rows = np.array([[0, -np.inf, 0], [0, 0.5, 0]], np.float32)
    built, found = run(Loaded(stump(threshold=-1.0), scalers=(clips,)), rows)
    assert "a scaler clips" in built.passes[0].refused[0]
    assert found["label"].tolist() == [1, 1]


def test_nan_stays_missing_where_another_value_is_missing_too():
    core = stump(threshold=-5.0, missing=0.0, missing_left=True)
    rows = np.array([[1, np.nan, 1], [1, 0, 1], [1, -0.0, 1], [1, 1e-45, 1]], np.float32)
    assert run(Loaded(core), rows)[1]["label"].tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize(
    "core", [stump(), linear(), linear("softmax", (4, 5, 6)), linear("one_vs_rest", ("a", "b", "c"))]
)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_rows_that_are_refused_give_nan_and_minus_one(core, value):
    rows = np.random.default_rng(0).normal(size=(5, FEATURES)).astype(np.float32)
    _, clean = run(Loaded(core, non_finite="propagated"), rows)
    rows[2, 2] = value
    _, found = run(Loaded(core, non_finite="propagated"), rows)
    assert found["label"][2] == -1
    assert np.isnan(found["probability"][2]).all()
    others = [0, 1, 3, 4]
    assert np.array_equal(found["label"][others], clean["label"][others])
    assert np.array_equal(found["probability"][others], clean["probability"][others])
    assert not np.isnan(clean["probability"]).any()


def test_rows_that_are_answered_are_answered():
    rows = np.array([[0, np.nan, 0], [0, np.inf, 0], [0, -np.inf, 0]], np.float32)
    assert run(Loaded(stump()), rows)[1]["label"].tolist() == [1, 1, 0]
    assert run(Loaded(stump(missing_left=True)), rows)[1]["label"].tolist() == [0, 1, 0]


@pytest.mark.parametrize("batch", [1, 2, 7, 64])
@pytest.mark.parametrize("link", ["logistic", "softmax", "one_vs_rest"])
def test_a_linear_classifier_computes_its_formula_at_every_batch_size(link, batch):
    core = linear(link, (0, 1) if link == "logistic" else (0, 1, 2))
    rows = SCALER.inverse_transform(np.random.default_rng(1).normal(size=(64, FEATURES)).astype(np.float32))
    margins = SCALER.transform(rows).astype(np.float64) @ core.weights + core.intercept
    if link == "logistic":
        second = 1 / (1 + np.exp(-margins[:, 0]))
        expected, label = np.stack([1 - second, second], axis=1), margins[:, 0] > 0
    else:
        each = 1 / (1 + np.exp(-margins)) if link == "one_vs_rest" else np.exp(margins - margins.max(axis=1)[:, None])
        expected, label = each / each.sum(axis=1)[:, None], margins.argmax(axis=1)
    parts = [run(Loaded(core), rows[at : at + batch], Surroundings(SCALER, None))[1] for at in range(0, 64, batch)]
    assert np.abs(np.concatenate([part["probability"] for part in parts]) - expected).max() < 2.0**-23
    assert np.array_equal(np.concatenate([part["label"] for part in parts]), label)


def test_a_linear_classifier_keeps_the_exact_scaler():
    built, _ = run(Loaded(linear()), np.zeros((1, FEATURES), np.float32), Surroundings(SCALER, None))
    assert [node.op_type for node in built.model.graph.node][:6] == ["Cast", "Sub", "Cast", "Cast", "Div", "Cast"]
    assert built.passes == ()


@pytest.mark.parametrize("batch", [1, 7, 64])
@pytest.mark.parametrize("link", ["identity", "exponential", "logistic", "softmax"])
def test_a_linear_model_in_float32_adds_feature_by_feature(link, batch):
    rng = np.random.default_rng(3)
    columns = 3 if link == "softmax" else 1
    weights, intercept = rng.normal(size=(40, columns)).astype(np.float32), rng.normal(size=columns).astype(np.float32)
    classes = {"softmax": (0, 1, 2), "logistic": (0, 1)}.get(link, ())
    core = LinearModel(
        weights.astype(np.float64), intercept.astype(np.float64), link, classes, "float32", 0.0, True, -1.5
    )
    rows = rng.normal(size=(64, 40)).astype(np.float32)
    rows[3, :5] = np.nan
    rows[4, 2:9] = -1.5
    margins = np.tile(intercept, (64, 1))
    for feature in range(40):
        present = ~np.isnan(rows[:, feature]) & (rows[:, feature] != -1.5)
        margins += np.where(present, rows[:, feature], np.float32(0))[:, None] * weights[feature]
    assert margins.dtype == np.float32

    parts = [run(Loaded(core, features=40), rows[at : at + batch])[1] for at in range(0, 64, batch)]
    found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    if link == "identity":
        assert np.array_equal(found["prediction"], margins)
    elif link == "exponential":
        assert np.abs(found["prediction"] / np.exp(margins.astype(np.float64)) - 1).max() < 2.0**-23
    elif link == "logistic":
        assert np.array_equal(found["label"], margins[:, 0] > 0)
    else:
        assert np.array_equal(found["label"], margins.argmax(axis=1))
    in_other_order = (rows[:, ::-1] @ weights[::-1] + intercept)[5:]
    assert (in_other_order != margins[5:]).any()  # the order shows in the bits

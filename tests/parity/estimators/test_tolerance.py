"""Tolerances of estimators: a few roundings and no more; labels are exact but where the source's sums are a tie."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dwcpc.compiler.linear import LinearModel
from dwcpc.compiler.scalers import Scaler
from dwcpc.parity.estimators.tolerance import adds_exactly, average_undecided, linear_margins, tolerances
from dwcpc.parity.runners.estimator_source import EstimatorSource

ULP = 2.0**-52
ROWS = np.random.default_rng(2).normal(size=(200, 5)).astype(np.float32)


def allowed(source: EstimatorSource) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    outputs = source.run(ROWS)
    return outputs, tolerances(source, ROWS, outputs)


@pytest.mark.parametrize("link", ["identity", "isolation", "average"])
def test_one_rounding_to_float32_is_allowed_and_a_millionth_is_not(link: str, tree_source: Callable) -> None:
    outputs, tolerance = allowed(tree_source(link))
    for name, reference in outputs.items():
        if reference.dtype == np.int64:
            assert not tolerance[name].any()
            continue
        rounded = np.abs(reference.astype(np.float32) - reference)
        assert (rounded <= tolerance[name]).all()
        assert (tolerance[name] < np.abs(reference) * 1e-6 + 1e-15).all()


def test_a_target_scaler_allows_the_rounding_of_what_its_center_cancels(tree_source: Callable) -> None:
    plain, _ = allowed(tree_source())
    center = -float(plain["prediction"][0, 0]) * 3
    source = tree_source(target_scaler=Scaler("StandardScaler", (center,), (3.0,)))
    outputs, tolerance = allowed(source)
    assert abs(outputs["prediction"][0, 0]) < 1e-12
    assert tolerance["prediction"][0, 0] == pytest.approx(8 * 2**-23 * abs(center))


def test_the_complement_of_a_float32_probability_is_as_exact_as_that(tree_source: Callable) -> None:
    source = tree_source("average", classes=2)
    _, exact = allowed(source)
    single = replace(source.estimator, core=replace(source.estimator.core, adds_in="float32"))
    _, rounded = allowed(replace(source, estimator=single))
    more = rounded["probability"] - exact["probability"]
    np.testing.assert_allclose(more[:, 0], 2.0**-22, rtol=1e-6)
    assert not more[:, 1].any()


def tie(tree_source: Callable, trees: int, gap: float, values: np.ndarray | None = None) -> bool:
    core = tree_source("average").estimator.core
    forest = core.forest
    forest = replace(forest, roots=forest.roots[:trees], value=forest.value if values is None else values)
    return bool(average_undecided(replace(core, forest=forest), np.array([[0.4, 0.2 - gap, 0.4 - gap]]))[0])


def test_averages_are_undecided_within_what_their_order_of_addition_changes(tree_source: Callable) -> None:
    assert tie(tree_source, 12, 0.0)
    assert tie(tree_source, 12, 11 * ULP)
    assert not tie(tree_source, 12, 13 * ULP)
    assert not tie(tree_source, 2, 0.0)  # a + b is b + a
    assert tie(tree_source, 3, 0.0)


def test_averages_of_votes_are_decided_also_in_a_tie(tree_source: Callable) -> None:
    shape = tree_source("average").forest.value.shape
    assert not tie(tree_source, 12, 0.0, np.ones(shape))
    assert not tie(tree_source, 12, 0.0, np.full(shape, 0.625))
    assert tie(tree_source, 12, 0.0, np.full(shape, 1 / 3))


@pytest.mark.parametrize(
    ("values", "exact"), [([0.0, 1.0], True), ([2.0**-40], True), ([2.0**-41], False), ([0.1], False)]
)
def test_multiples_of_a_power_of_two_add_exactly(values: list[float], exact: bool) -> None:
    assert adds_exactly(np.array(values), 100) is exact


def test_too_many_do_not_add_exactly() -> None:
    assert adds_exactly(np.ones(1), 1 << 12)
    assert not adds_exactly(np.ones(1), (1 << 12) + 1)


def linear_source(fake_estimator: Any, core: LinearModel) -> EstimatorSource:
    return EstimatorSource(fake_estimator(core, non_finite="propagated"), None, None, None)


def test_the_error_of_a_margin_covers_every_order_of_its_sum() -> None:
    rng = np.random.default_rng(4)
    x, weights = rng.normal(size=(50, 40)) * 1e3, rng.normal(size=(40, 1))
    core = LinearModel(weights, np.array([0.5]), "logistic", (0, 1))
    margins, error = linear_margins(core, x)
    for _ in range(20):
        order = rng.permutation(40)
        total = np.full(50, 0.5)
        for feature in order:
            total = total + x[:, feature] * weights[feature, 0]
        assert (np.abs(total - margins[:, 0]) <= error[:, 0]).all()
    assert (error < 1e-8).all()


def test_a_linear_label_is_undecided_at_the_boundary_alone(fake_estimator: Any) -> None:
    core = LinearModel(np.array([[1.0], [-1.0], [0.0]]), np.zeros(1), "logistic", (0, 1))
    source = linear_source(fake_estimator, core)
    rows = np.float32([[0.1, 0.1, 0], [0.1, 0.1000001, 0], [1, -1, 0]])
    outputs = source.run(rows)
    assert tolerances(source, rows, outputs)["label"].tolist() == [np.inf, 0, 0]
    kept = linear_source(fake_estimator, replace(core, adds_in="float32"))
    assert tolerances(kept, rows, outputs)["label"].tolist() == [0, 0, 0]


def test_linear_probabilities_may_be_off_by_the_error_of_their_margin(fake_estimator: Any) -> None:
    core = LinearModel(np.array([[1e9], [-1e9], [1.0]]), np.zeros(1), "logistic", (0, 1))
    source = linear_source(fake_estimator, core)
    rows = np.float32([[1, 1, 0.5], [0, 0, 0.5]])
    tolerance = tolerances(source, rows, source.run(rows))["probability"]
    assert (tolerance[0] > tolerance[1]).all()
    assert (tolerance[0] < 2e-5).all()

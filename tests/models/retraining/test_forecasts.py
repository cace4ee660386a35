"""What a forecaster is worth beside persistence: by plain arithmetic, by windows as often as they are drawn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from dwcpc.models.retraining.comparison import Weights, compare
from dwcpc.models.retraining.forecasts import TOLERANCE, asked_for, forecast_figures

ROWS = 600
TARGETS = ("rate", "delay")
LINK = np.arange(ROWS) // 20


def drawn(seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return what came, what was measured last, and a forecast with half of that error."""
    rng = np.random.default_rng(seed)
    actual = 100 + 10 * rng.normal(size=(ROWS, 2))
    return actual, actual + rng.normal(size=(ROWS, 2)), actual + 0.5 * rng.normal(size=(ROWS, 2))


def test_figures_are_those_of_plain_arithmetic() -> None:
    actual, last, predicted = drawn()
    found = forecast_figures(TARGETS, actual, last, predicted)(None)
    for at, target in enumerate(TARGETS):
        error = np.abs(predicted - actual)[:, at]
        assert found[f"{target}_skill"] == pytest.approx(1 - error.mean() / np.abs(last - actual)[:, at].mean())
        assert found[f"{target}_correlation"] == pytest.approx(np.corrcoef(actual[:, at], predicted[:, at])[0, 1])
        assert found[f"{target}_accuracy"] == pytest.approx(1 - (error / actual[:, at]).mean())


def test_windows_count_as_often_as_they_are_drawn() -> None:
    actual, last, predicted = drawn()
    weights: Weights = np.random.default_rng(1).integers(0, 4, ROWS)
    again = np.repeat(np.arange(ROWS), weights)
    weighted = forecast_figures(TARGETS, actual, last, predicted)(weights)
    assert weighted == pytest.approx(forecast_figures(TARGETS, actual[again], last[again], predicted[again])(None))


@pytest.mark.parametrize(("errors", "skill"), [(0.0, 1.0), (1.0, 0.0), (2.0, -1.0)])
def test_skill_is_the_share_of_persistences_error_that_is_saved(errors: float, skill: float) -> None:
    actual, last, _ = drawn()
    found = forecast_figures(TARGETS, actual, last, actual + errors * (last - actual))(None)
    assert found["rate_skill"] == pytest.approx(skill)


def test_a_target_near_zero_has_no_accuracy_and_one_that_never_changes_no_skill() -> None:
    actual, last, predicted = drawn()
    actual[:, 0] = np.where(np.arange(ROWS) % 2, 0.0, 5.0)
    found = forecast_figures(TARGETS, actual, last, predicted)(None)
    assert "rate_accuracy" not in found
    assert "delay_accuracy" in found
    still = forecast_figures(TARGETS, actual, actual, predicted)(None)
    assert math.isnan(still["delay_skill"])


def test_a_forecast_that_is_always_too_high_is_worse_though_its_correlation_is_the_same() -> None:
    actual, last, predicted = drawn()
    served = forecast_figures(TARGETS, actual, last, predicted)
    shifted = forecast_figures(TARGETS, actual, last, predicted + 0.5)
    correlation, skill = compare(LINK, shifted, served, ("rate_correlation", "rate_skill"), tolerance=TOLERANCE)
    assert (correlation.verdict, round(correlation.difference, 9)) == ("pass", 0.0)
    assert skill.verdict == "fail"


def test_of_a_link_or_two_nobody_knows() -> None:
    actual, last, predicted = drawn()
    worse = predicted.copy()
    worse[LINK < 3] += 1.5  # a tenth of the links, on which it went wrong
    served, candidate = (forecast_figures(TARGETS, actual, last, each) for each in (predicted, worse))
    (found,) = compare(LINK, candidate, served, ("rate_skill",), tolerance=TOLERANCE)
    assert found.difference < -TOLERANCE
    assert found.verdict == "inconclusive"


def test_the_owners_ask_for_a_correlation_or_a_percentage() -> None:
    assert asked_for("rate") == {"rate_correlation": 0.98, "rate_accuracy": 0.95}

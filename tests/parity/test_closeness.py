"""Closeness: element by element, against the tolerance of its own channel."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from dwcpc.parity.checks.base import Comparison
from dwcpc.parity.checks.closeness import closeness

Make = Callable[..., Comparison]
TOLERANCE = {"y": np.array([1e-3, 1e-1])}


def expected() -> dict[str, np.ndarray]:
    return {"y": np.arange(12, dtype=np.float64).reshape(2, 3, 2)}


def answered(channel: int, error: float) -> dict[str, np.ndarray]:
    values = expected()["y"].astype(np.float32)
    values[1, 2, channel] += np.float32(error)
    return {"y": values}


@pytest.mark.parametrize(
    ("channel", "error", "passes"),
    [
        (0, 0.5e-3, True),
        (0, 2e-3, False),
        (0, 0.5e-1, False),  # the wide channel's tolerance would allow it
        (1, 0.5e-1, True),
        (1, 2e-1, False),
    ],
)
def test_each_channel_is_held_to_its_own_tolerance(comparison: Make, channel: int, error: float, passes: bool) -> None:
    (result,) = closeness(comparison(expected=expected(), outputs=answered(channel, error), tolerance=TOLERANCE))
    assert result.passed is passes
    assert result.worst == pytest.approx(error, rel=1e-2)
    assert result.limit == TOLERANCE["y"][channel]


def test_each_row_is_held_to_its_own_tolerance(comparison: Make) -> None:
    by_row = {"y": np.array([1e-1, 1e-3]).reshape(2, 1, 1)}  # the error is in row 1
    (result,) = closeness(comparison(expected=expected(), outputs=answered(0, 1e-2), tolerance=by_row))
    assert not result.passed
    assert result.limit == 1e-3
    other_way = {"y": by_row["y"][::-1]}
    (result,) = closeness(comparison(expected=expected(), outputs=answered(0, 1e-2), tolerance=other_way))
    assert result.passed


def test_the_sign_of_the_error_does_not_matter(comparison: Make) -> None:
    (result,) = closeness(comparison(expected=expected(), outputs=answered(0, -2e-3), tolerance=TOLERANCE))
    assert not result.passed


def test_a_tolerance_of_zero_allows_equality_alone(comparison: Make) -> None:
    exact = {"y": expected()["y"].astype(np.float32)}
    (result,) = closeness(comparison(expected=expected(), outputs=exact, tolerance={"y": np.zeros(1)}))
    assert result.passed
    (result,) = closeness(comparison(expected=expected(), outputs=answered(1, 1e-3), tolerance={"y": np.zeros(1)}))
    assert not result.passed
    assert np.isfinite(result.worst)


def test_every_output_is_judged(comparison: Make) -> None:
    assert {result.output for result in closeness(comparison())} == {"reconstruction", "anomaly_score"}


def test_nothing_finite_to_compare_is_a_failure(comparison: Make) -> None:
    nothing = {"y": np.full((2, 3, 2), np.nan)}
    (result,) = closeness(comparison(expected=nothing, outputs={"y": np.zeros((2, 3, 2), np.float32)}))
    assert not result.passed
    (result,) = closeness(comparison(expected={"y": np.empty((0, 3, 2))}, outputs={"y": np.empty((0, 3, 2))}))
    assert not result.passed


def test_what_it_reports_of_an_answer_full_of_nan_can_be_written_as_json(comparison: Make) -> None:
    (result,) = closeness(comparison(expected=expected(), outputs={"y": np.full((2, 3, 2), np.float32(np.nan))}))
    assert np.isfinite(result.worst)

"""The noise level: an error that is small on every row, and yet more than the source's own rounding explains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from dwcpc.parity.checks.base import Comparison
from dwcpc.parity.checks.closeness import closeness
from dwcpc.parity.checks.noise_level import noise_level

Make = Callable[..., Comparison]
ROWS = 101
EXPECTED = {"y": np.append(np.resize([1.0, -1.0], ROWS - 1), 0.0)}  # σ is 1 but for half a percent
WIDE = {"y": np.array([1.0])}


def judge(comparison: Make, error: np.ndarray, level: float) -> object:
    made = comparison(expected=EXPECTED, outputs={"y": (EXPECTED["y"] + error).astype(np.float32)}, tolerance=WIDE)
    assert closeness(made)[0].passed  # it is this check that has to find it
    (result,) = noise_level(replace(made, reference=replace(made.reference, noise_level={"y": level})))
    return result


@pytest.mark.parametrize(("error", "passes"), [(3.5e-3, True), (4.5e-3, False)])
def test_the_median_may_be_four_times_the_sources_own(comparison: Make, error: float, passes: bool) -> None:
    result = judge(comparison, np.full(ROWS, error), 1e-3)
    assert result.passed is passes
    assert result.limit == pytest.approx(4e-3)
    assert result.worst == pytest.approx(error, rel=0.01)


@pytest.mark.parametrize(("error", "passes"), [(0.9e-5, True), (1.1e-5, False)])
def test_a_source_without_noise_still_allows_a_share_of_the_spread(
    comparison: Make, error: float, passes: bool
) -> None:
    assert judge(comparison, np.full(ROWS, error), 0.0).passed is passes


def test_a_few_rows_far_off_are_the_other_checks_business(comparison: Make) -> None:
    error = np.zeros(ROWS)
    error[:10] = 0.5
    assert judge(comparison, error, 1e-3).passed


def test_an_answer_that_is_no_number_fails_and_can_be_written_as_json(comparison: Make) -> None:
    result = judge(comparison, np.full(ROWS, np.nan), 1e-3)
    assert not result.passed
    assert np.isfinite(result.worst)


def test_golden_vectors_know_no_noise(comparison: Make) -> None:
    assert noise_level(comparison()) == []

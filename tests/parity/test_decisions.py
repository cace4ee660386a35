"""Decisions: a flip farther from the threshold than the tolerance fails; a nearer one is counted and passes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import pytest

from dwcpc.compiler.metadata import Decision
from dwcpc.parity.checks.base import Comparison
from dwcpc.parity.checks.decisions import decisions

Make = Callable[..., Comparison]
THRESHOLD = 0.5
LIMIT = 1e-3


def judge(comparison: Make, reference: float, candidate: float, sign: Literal[">", ">=", "<", "<="] = ">") -> object:
    return decisions(
        comparison(
            expected={"s": np.array([0.0, reference])},
            outputs={"s": np.array([0.0, candidate], np.float32)},
            tolerance={"s": np.array([LIMIT])},
            decision=Decision("s", "made up", THRESHOLD, sign),
        )
    )[0]


@pytest.mark.parametrize(
    ("source", "candidate", "near", "far"),
    [
        (0.6, 0.6, 0, 0),
        (0.5 + 0.5e-3, 0.5 - 0.5e-3, 1, 0),
        (0.5 + 2e-3, 0.5 - 2e-3, 0, 1),
        (0.5 - 2e-3, 0.5 + 2e-3, 0, 1),
        (0.7, 0.4, 0, 1),
    ],
)
def test_a_flip_fails_when_it_is_farther_than_the_tolerance(
    comparison: Make, source: float, candidate: float, near: int, far: int
) -> None:
    result = judge(comparison, source, candidate)
    assert result.passed is (far == 0)
    assert (result.worst, result.limit) == (far, 0)
    assert ("1 within rounding of the threshold" in result.note) is (near == 1)


def test_each_row_is_held_to_its_own_tolerance(comparison: Make) -> None:
    flipped = {"s": np.array([0.49, 0.49], np.float32)}
    by_row = {"s": np.array([0.02, 0.001])}
    (result,) = decisions(
        comparison(
            expected={"s": np.array([0.51, 0.51])},
            outputs=flipped,
            tolerance=by_row,
            decision=Decision("s", "made up", THRESHOLD, ">"),
        )
    )
    assert result.worst == 1
    assert "1 within rounding" in result.note


@pytest.mark.parametrize(("sign", "flips"), [(">", 1), (">=", 0), ("<", 0), ("<=", 1)])
def test_the_threshold_itself_belongs_to_the_side_that_the_comparison_says(
    comparison: Make, sign: Literal[">", ">=", "<", "<="], flips: int
) -> None:
    result = judge(comparison, THRESHOLD, THRESHOLD + 0.25e-3, sign)
    assert ("1 within rounding" in result.note) is (flips == 1)


def test_a_model_without_a_decision_is_not_judged(comparison: Make) -> None:
    assert decisions(comparison(decision=None)) == []


def test_a_score_of_nan_far_above_the_threshold_is_a_flip(comparison: Make) -> None:
    result = judge(comparison, 0.9, np.nan)
    assert not result.passed
    assert np.isfinite(result.worst)


def test_what_it_reports_of_a_reference_that_is_no_number_can_be_written_as_json(comparison: Make) -> None:
    for reference in (np.nan, np.inf):
        result = judge(comparison, reference, 0.9 if np.isnan(reference) else 0.1)
        assert np.isfinite(result.worst)


def judge_flag(comparison: Make, flag: int) -> object:
    return decisions(
        comparison(
            expected={"s": np.array([-0.7, -0.2]), "flag": np.array([1, 0])},
            outputs={"s": np.array([-0.7, -0.2], np.float32), "flag": np.array([flag, 0])},
            tolerance={"s": np.array([LIMIT]), "flag": np.zeros(1)},
            decision=Decision("s", "made up", -0.7, "<=", "flag"),
        )
    )[0]


def test_a_flag_decides_whatever_the_rounded_score_says(comparison: Make) -> None:
    assert float(np.float32(-0.7)) > -0.7  # the score alone would be a flip
    result = judge_flag(comparison, 1)
    assert (result.passed, result.output, result.worst) == (True, "flag", 0)


def test_a_flag_that_differs_at_the_threshold_itself_fails(comparison: Make) -> None:
    result = judge_flag(comparison, 0)
    assert (result.passed, result.worst) == (False, 1)

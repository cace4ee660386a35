"""Labels: one that differs fails, unless the source itself decides that row by the rounding of its sums."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dwcpc.parity.checks.base import Comparison
from dwcpc.parity.checks.closeness import closeness
from dwcpc.parity.checks.finiteness import finiteness
from dwcpc.parity.checks.labels import labels

Make = Callable[..., Comparison]
EXPECTED = np.array([0, 1, 2, -1, 1 << 60], np.int64)


def compared(comparison: Make, found: np.ndarray, expected: np.ndarray = EXPECTED, undecided: int = -1) -> Comparison:
    tolerance = np.where(np.arange(len(expected)) == undecided, np.inf, 0.0)
    return comparison(
        expected={"label": expected}, outputs={"label": found}, tolerance={"label": tolerance}, decision=None
    )


def test_the_same_labels_pass(comparison: Make) -> None:
    (result,) = labels(compared(comparison, EXPECTED.copy()))
    assert result.passed
    assert (result.worst, result.limit, result.rows, result.note) == (0, 0, 5, "")


def test_one_label_that_differs_fails_however_large_it_is(comparison: Make) -> None:
    for index in range(5):
        found = EXPECTED.copy()
        found[index] += 1  # of the last, float64 would not tell
        (result,) = labels(compared(comparison, found))
        assert not result.passed
        assert result.worst == 1


def test_a_row_in_which_the_source_is_undecided_may_differ_and_is_counted(comparison: Make) -> None:
    found = EXPECTED.copy()
    found[1] = 0
    (result,) = labels(compared(comparison, found, undecided=1))
    assert result.passed
    assert result.note.startswith("1 more where")
    found[2] = 0
    (result,) = labels(compared(comparison, found, undecided=1))
    assert not result.passed
    assert result.worst == 1


def test_golden_labels_in_float64_are_the_same_labels(comparison: Make) -> None:
    expected = EXPECTED[:4].astype(np.float64)
    assert labels(compared(comparison, EXPECTED[:4], expected))[0].passed
    assert not labels(compared(comparison, EXPECTED[:4] + 1, expected))[0].passed


def test_no_rows_do_not_pass(comparison: Make) -> None:
    assert not labels(compared(comparison, EXPECTED[:0], EXPECTED[:0]))[0].passed


def test_numbers_with_a_fraction_are_judged_by_others_and_labels_are_not(comparison: Make) -> None:
    assert labels(comparison()) == []
    given = compared(comparison, EXPECTED.copy())
    assert closeness(given) == []
    assert finiteness(given) == []

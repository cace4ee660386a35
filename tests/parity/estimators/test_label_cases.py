"""Rows where the label changes: far nearer to the change than drawn rows come, of every label."""

from __future__ import annotations

import numpy as np

from dwcpc.parity.estimators.label_cases import label_cases

SEED = 9


def sectors(rows: np.ndarray) -> np.ndarray:
    return np.searchsorted([-0.5, 0.5], rows[:, 0]).astype(np.int64) * 7


def candidates() -> np.ndarray:
    return np.random.default_rng(SEED).normal(size=(200, 3)).astype(np.float32)


def test_rows_lie_at_the_changes_on_both_sides() -> None:
    case = label_cases(sectors, candidates(), 60, SEED)
    assert case is not None
    assert (case.name, case.rows.shape, case.rows.dtype) == ("label_change", (60, 3), np.float32)
    assert set(sectors(case.rows).tolist()) == {0, 7, 14}
    assert (np.abs(np.abs(case.rows[:, 0]) - 0.5) < 1e-3).all()


def test_a_rare_label_has_its_rows() -> None:
    rows = candidates()
    rows[:, 0] = np.abs(rows[:, 0])
    rows[0, 0] = -3
    case = label_cases(sectors, rows, 60, SEED)
    assert case is not None
    assert (np.abs(case.rows[:, 0] + 0.5) < 1e-3).sum() >= 15


def test_one_label_has_no_change() -> None:
    assert label_cases(lambda rows: np.zeros(len(rows), np.int64), candidates(), 60, SEED) is None

"""Rows at the threshold: on both sides of it, nearer than random rows come, and none where there is no other side."""

from __future__ import annotations

import numpy as np
import pytest

from dwcpc.parity.threshold_cases import threshold_cases

THRESHOLD = 1.25
SEED = 9


def score(rows: np.ndarray) -> np.ndarray:
    return np.square(rows).mean(axis=(1, 2))


@pytest.fixture
def candidates() -> np.ndarray:
    return np.random.default_rng(SEED).standard_normal((200, 6, 2)).astype(np.float32)


def test_rows_lie_near_the_threshold_on_both_sides(candidates: np.ndarray) -> None:
    case = threshold_cases(score, candidates, THRESHOLD, 64, SEED)
    assert case is not None
    assert case.name == "threshold"
    assert case.rows.shape == (64, 6, 2)
    assert case.rows.dtype == np.float32
    distance = score(case.rows) - THRESHOLD
    assert (distance > 0).sum() >= 8
    assert (distance < 0).sum() >= 8
    random_distance = np.abs(score(candidates) - THRESHOLD)
    assert np.median(np.abs(distance)) < 0.01 * np.median(random_distance)
    assert np.abs(distance).max() < 0.1 * np.median(random_distance)


def test_the_same_seed_finds_the_same_rows_and_another_seed_others(candidates: np.ndarray) -> None:
    found = [threshold_cases(score, candidates, THRESHOLD, 16, seed) for seed in (SEED, SEED, SEED + 1)]
    rows = [case.rows for case in found if case is not None]
    np.testing.assert_array_equal(rows[0], rows[1])
    assert not np.array_equal(rows[0], rows[2])


@pytest.mark.parametrize("threshold", [-1.0, 1e9])
def test_there_are_none_when_every_row_lies_on_one_side(candidates: np.ndarray, threshold: float) -> None:
    assert threshold_cases(score, candidates, threshold, 16, SEED) is None


def test_rows_without_a_score_are_not_taken_for_a_side(candidates: np.ndarray) -> None:
    def mostly_nan(rows: np.ndarray) -> np.ndarray:
        return np.where(score(rows) > THRESHOLD, np.nan, score(rows))

    assert threshold_cases(mostly_nan, candidates, THRESHOLD, 16, SEED) is None

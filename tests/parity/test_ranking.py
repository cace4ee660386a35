"""Ranking: Spearman's ρ of the scores."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import spearmanr

from dwcpc.parity.checks.base import Comparison
from dwcpc.parity.checks.ranking import MAX_LOSS, ranking

Make = Callable[..., Comparison]
ROWS = 128
SEED = 5


def judge(comparison: Make, candidate: np.ndarray, group: str = "typical") -> list:
    expected = {"anomaly_score": np.linspace(0, 1, len(candidate))}
    return ranking(comparison(expected=expected, outputs={"anomaly_score": candidate}, group=group))


def test_the_same_order_passes_whatever_the_values(comparison: Make) -> None:
    (result,) = judge(comparison, np.exp(np.linspace(0, 1, ROWS)).astype(np.float32))
    assert result.passed
    assert result.worst == pytest.approx(0, abs=1e-12)


def test_an_order_that_is_mixed_locally_fails_by_the_loss_that_scipy_finds(comparison: Make) -> None:
    noise = np.random.default_rng(SEED).normal(0, 0.02, ROWS)
    candidate = (np.linspace(0, 1, ROWS) + noise).astype(np.float32)
    (result,) = judge(comparison, candidate)
    loss = 1 - spearmanr(np.linspace(0, 1, ROWS), candidate).statistic
    assert loss > MAX_LOSS
    assert not result.passed
    assert result.worst == pytest.approx(loss, rel=1e-9)


def test_two_neighbours_in_the_other_order_are_allowed_among_many_rows(comparison: Make) -> None:
    candidate = np.linspace(0, 1, ROWS).astype(np.float32)
    candidate[[60, 61]] = candidate[[61, 60]]
    (result,) = judge(comparison, candidate)
    assert 0 < result.worst < MAX_LOSS
    assert result.passed


def test_the_reverse_order_fails(comparison: Make) -> None:
    (result,) = judge(comparison, np.linspace(1, 0, ROWS).astype(np.float32))
    assert not result.passed


def test_groups_whose_scores_lie_together_are_not_ranked(comparison: Make) -> None:
    assert judge(comparison, np.zeros(ROWS, np.float32), "threshold") == []
    assert judge(comparison, np.zeros(31, np.float32)) == []


def tied(comparison: Make, expected: np.ndarray, candidate: np.ndarray) -> object:
    given = comparison(expected={"anomaly_score": expected}, outputs={"anomaly_score": candidate})
    return ranking(given)[0]


def test_scores_that_are_equal_share_their_rank_as_scipy_says(comparison: Make) -> None:
    rng = np.random.default_rng(SEED)
    expected = rng.integers(0, 5, ROWS) / 5
    candidate = np.where(rng.random(ROWS) < 0.1, 0.2, expected).astype(np.float32)
    result = tied(comparison, expected, candidate)
    assert result.worst == pytest.approx(1 - spearmanr(expected, candidate).statistic, rel=1e-6)
    assert not result.passed


def test_scores_that_float32_cannot_tell_apart_have_no_order(comparison: Make) -> None:
    expected = -0.5 - 1e-12 * np.random.default_rng(SEED).normal(size=ROWS)
    expected[:64] = -0.6
    assert tied(comparison, expected, expected.astype(np.float32)).worst == 0


def test_one_score_for_all_rows_passes_where_the_source_has_one_too(comparison: Make) -> None:
    assert tied(comparison, np.full(ROWS, -0.5), np.full(ROWS, -0.5, np.float32)).passed
    assert not tied(comparison, np.full(ROWS, -0.5), np.linspace(-1, 0, ROWS).astype(np.float32)).passed

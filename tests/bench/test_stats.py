"""Percentiles and their bounds, against scipy's binomial distribution and against known ranks."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from dwcpc.bench.stats import percentile, upper_bound

SEED = 8


def ranks(n: int) -> np.ndarray:
    """Return 1 to n, shuffled: the value of a sample is its rank."""
    return np.random.default_rng(SEED).permutation(n) + 1.0


def rank_by_scipy(n: int, q: float, confidence: float) -> int | None:
    """Return the smallest k with P(Binomial(n, q) ≤ k − 1) ≥ confidence."""
    reached = np.flatnonzero(binom.cdf(np.arange(n), n, q) >= confidence)
    return int(reached[0]) + 1 if len(reached) else None


@pytest.mark.parametrize("q", [0.5, 0.9, 0.95, 0.99, 0.999])
@pytest.mark.parametrize("n", [1, 2, 10, 59, 100, 458, 459, 1000, 2000, 4603, 5000, 10_000, 150_000])
@pytest.mark.parametrize("confidence", [0.9, 0.99])
def test_the_bound_is_the_sample_that_scipy_picks(n: int, q: float, confidence: float) -> None:
    expected = rank_by_scipy(n, q, confidence)
    assert upper_bound(ranks(n), q, confidence) == expected


@pytest.mark.parametrize(("n", "from_the_top"), [(458, None), (459, 1), (2000, 10), (5000, 34), (10_000, 78)])
def test_the_bound_of_p99_is_the_known_one(n: int, from_the_top: int | None) -> None:
    expected = None if from_the_top is None else n - from_the_top + 1
    assert upper_bound(ranks(n), 0.99) == expected


def test_the_bound_covers_the_true_quantile_as_often_as_it_claims() -> None:
    rng = np.random.default_rng(SEED)
    true_p99 = -np.log(0.01)  # of the exponential distribution
    covered = [upper_bound(rng.exponential(size=500), 0.99) >= true_p99 for _ in range(2000)]
    assert np.mean(covered) >= 0.99 - 3 * (0.99 * 0.01 / 2000) ** 0.5


def test_the_estimate_itself_would_not_cover_it() -> None:
    rng = np.random.default_rng(SEED)
    covered = [percentile(rng.exponential(size=500), 0.99) >= -np.log(0.01) for _ in range(500)]
    assert np.mean(covered) < 0.9


@pytest.mark.parametrize(
    ("q", "n", "rank"), [(0.5, 4, 2), (0.5, 5, 3), (0.99, 100, 99), (0.99, 101, 100), (0.9, 1, 1), (0.0, 5, 1)]
)
def test_a_percentile_is_the_smallest_sample_that_enough_do_not_exceed(q: float, n: int, rank: int) -> None:
    assert percentile(ranks(n), q) == rank

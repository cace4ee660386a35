"""Percentiles and their bounds, against scipy's binomial distribution and against known ranks."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from dwcpc.bench.stats import lower_bound, median_bounds, percentile, upper_bound

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


@pytest.mark.parametrize(("n", "rank"), [(7, 1), (10, 1), (11, 2), (20, 5), (30, 9), (100, 38), (1000, 463)])
def test_the_median_lies_between_the_samples_of_known_rank(n: int, rank: int) -> None:
    assert median_bounds(ranks(n)) == (rank, n + 1 - rank)
    assert binom.cdf(rank - 1, n, 0.5) <= 0.01 < binom.cdf(rank, n, 0.5)


def test_twenty_samples_bound_the_median_with_99_4_per_cent() -> None:
    assert 1 - binom.cdf(4, 20, 0.5) == pytest.approx(0.994, abs=1e-4)


@pytest.mark.parametrize("n", [0, 1, 6])
def test_too_few_samples_do_not_bound_the_median(n: int) -> None:
    assert median_bounds(ranks(n)) is None


PAIRS = 20
RUNS = 4000
RARELY = 2 * 0.0059 + 3 * (2 * 0.0059 / RUNS) ** 0.5  # either bound, and what 4,000 runs may be off by


def blocks_in_time(rng: np.random.Generator, count: int, change: float) -> tuple[np.ndarray, np.ndarray]:
    """Return `count` pairs of block times, A and B in ABBA order: 4 % of drift, 2 % of noise, 5 % of spikes."""
    slots = 2 * count
    drift = 1 + 0.04 * np.sin(np.arange(slots) / slots * rng.uniform(2, 12) + rng.uniform(0, 6))
    spikes = np.where(rng.random(slots) < 0.05, rng.uniform(1, 1.5, slots), 1.0)
    times = (drift * np.exp(rng.normal(0, 0.02, slots)) * spikes).reshape(count, 2)
    odd = np.arange(count) % 2 == 1
    a, b = np.where(odd, times[:, 1], times[:, 0]), np.where(odd, times[:, 0], times[:, 1])
    return a, b * (1 + change)


def called(ratios: np.ndarray) -> bool:
    """Whether the bounds exclude that nothing changed."""
    bounds = median_bounds(ratios)
    assert bounds is not None
    return bounds[0] > 1 or bounds[1] < 1


def test_no_change_is_rarely_called_one() -> None:
    rng = np.random.default_rng(SEED)
    calls = [called(b / a) for a, b in (blocks_in_time(rng, PAIRS, 0.0) for _ in range(RUNS))]
    assert np.mean(calls) <= RARELY


def test_a_change_of_five_per_cent_is_called_one() -> None:
    rng = np.random.default_rng(SEED)
    calls = [called(b / a) for a, b in (blocks_in_time(rng, PAIRS, 0.05) for _ in range(1000))]
    assert np.mean(calls) >= 0.95


def test_blocks_that_are_not_adjacent_would_call_drift_a_change() -> None:
    rng = np.random.default_rng(SEED)
    calls = []
    for _ in range(1000):
        a, b = blocks_in_time(rng, PAIRS, 0.0)
        times = np.stack([a, b], axis=1).reshape(-1)  # all of A, then all of B
        calls.append(called(times[PAIRS:] / times[:PAIRS]))
    assert np.mean(calls) > 10 * RARELY


@pytest.mark.parametrize(("opened_anew", "often"), [(True, False), (False, True)])
def test_sessions_that_stay_open_would_call_their_place_in_memory_a_change(opened_anew: bool, often: bool) -> None:
    """Measured: the place is worth 0.4 %, the noise beside it 0.2 %."""
    rng = np.random.default_rng(SEED)
    calls = []
    for _ in range(1000):
        place = rng.normal(0, 0.004, PAIRS if opened_anew else 1)
        calls.append(called(np.exp(place + rng.normal(0, 0.002, PAIRS))))
    assert (np.mean(calls) > 0.3) if often else (np.mean(calls) <= 2 * RARELY)


@pytest.mark.parametrize("q", [0.5, 0.9, 0.99, 0.999])
@pytest.mark.parametrize("n", [1, 2, 10, 100, 459, 500, 2000, 10_000, 150_000])
def test_the_lower_bound_is_the_sample_that_scipy_picks(n: int, q: float) -> None:
    above = int(np.flatnonzero(binom.cdf(np.arange(n + 1), n, 1 - q) >= 0.99)[0])
    assert lower_bound(ranks(n), q) == max(1, n - above)


def test_the_lower_bound_is_below_the_true_quantile_as_often_as_it_claims() -> None:
    rng = np.random.default_rng(SEED)
    below = [lower_bound(rng.exponential(size=2000), 0.99) <= -np.log(0.01) for _ in range(2000)]
    assert 0.999 > np.mean(below) >= 0.99 - 3 * (0.99 * 0.01 / 2000) ** 0.5

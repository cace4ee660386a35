"""Percentiles and their bounds from order statistics: no assumption about the shape of a latency distribution."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

CONFIDENCE = 0.99


def percentile(samples: NDArray[np.floating], q: float) -> float:
    """Return the smallest sample that at least the share `q` of all does not exceed."""
    ordered = np.sort(samples)
    return float(ordered[max(0, math.ceil(q * len(ordered)) - 1)])


def upper_bound(samples: NDArray[np.floating], q: float, confidence: float = CONFIDENCE) -> float | None:
    """Return an upper confidence bound of the `q` quantile, or none when there are too few samples for one.

    The number of samples below the true quantile is Binomial(n, q); the k-th smallest sample is at least the quantile
    with probability P(Binomial(n, q) ≤ k − 1), and the smallest k where that reaches `confidence` is taken.
    For q = 0.99 and 99 % that needs n ≥ 459; n = 2,000 gives the 10th largest sample (David & Nagaraja, Order
    Statistics, §7.1).
    """
    n = len(samples)
    log_term = n * math.log(q)  # log P(all n below)
    cumulative_above = math.exp(log_term)
    # From the top: P(Binomial ≤ k − 1) = 1 − P(at least k below); add terms from k = n downwards while they stay small.
    k = n
    if 1 - cumulative_above < confidence:
        return None
    while k > 1:
        log_term += math.log(k) - math.log(n - k + 1) + math.log1p(-q) - math.log(q)
        if 1 - (cumulative_above + math.exp(log_term)) < confidence:
            break
        cumulative_above += math.exp(log_term)
        k -= 1
    return float(np.sort(samples)[k - 1])


def lower_bound(samples: NDArray[np.floating], q: float, confidence: float = CONFIDENCE) -> float:
    """Return a lower confidence bound of the `q` quantile.

    The number J of samples above the true quantile is Binomial(n, 1 − q); the k-th smallest sample is not above it with
    probability P(J ≤ n − k), and the largest k where that reaches `confidence` is taken, or the smallest sample.
    """
    n = len(samples)
    log_term = n * math.log(q)  # log P(J = 0)
    cumulative = math.exp(log_term)
    j = 0
    while cumulative < confidence and j < n - 1:
        j += 1
        log_term += math.log(n - j + 1) - math.log(j) + math.log1p(-q) - math.log(q)
        cumulative += math.exp(log_term)
    return float(np.sort(samples)[n - j - 1])


def median_bounds(samples: NDArray[np.floating], confidence: float = CONFIDENCE) -> tuple[float, float] | None:
    """Return bounds of the median that hold with `confidence` each, or none when there are too few samples (sign test).

    Seven is the least for 99 %; 20 give the 5th smallest and the 5th largest sample, which hold with 99.4 % each.
    """
    high, low = upper_bound(samples, 0.5, confidence), upper_bound(-samples, 0.5, confidence)
    return None if high is None or low is None else (-low, high)

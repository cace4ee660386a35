"""Intervals by the block bootstrap: whole stretches of a series are drawn again, as neighbours are alike.

Windows one after the other share an incident, a burst, a node. Drawn one by one they would pretend to be as many
independent observations, and the interval would be too narrow.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

CONFIDENCE: Final = 0.95
ROUNDS: Final = 1000
BLOCK_ROWS: Final = 8
"""Windows of a block: four times the longest incident, in windows of 30 steps."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Both ends of the central `CONFIDENCE`."""

    low: float
    high: float


def blocks_of(group: NDArray[Any], begin: NDArray[np.float64], block_rows: int = BLOCK_ROWS) -> NDArray[np.int64]:
    """Return the block of each row: so many rows of one group, in order of time."""
    order = np.lexsort((begin, group))
    starts = np.append(True, group[order][1:] != group[order][:-1])
    at = np.arange(len(order))
    place = at - np.maximum.accumulate(np.where(starts, at, 0))
    new_block = starts | (place % block_rows == 0)
    block = np.empty(len(order), np.int64)
    block[order] = np.cumsum(new_block) - 1
    return block


def bootstrap(
    block: NDArray[np.int64], figures: Callable[[NDArray[np.int64]], Any], *, seed: int, rounds: int = ROUNDS
) -> dict[str, Interval]:
    """Return the interval of each field of the dataclass that `figures(weights)` returns.

    `weights` says how often each row counts when as many blocks as there are were drawn with replacement.

    A round in which a figure is not defined does not count for it; one that never is has NaN for both ends.
    """
    count = int(block.max()) + 1
    rng = np.random.default_rng(seed)
    drawn: dict[str, list[float]] = {}
    for _ in range(rounds):
        weights = np.bincount(rng.integers(count, size=count), minlength=count)[block]
        for name, value in dataclasses.asdict(figures(weights)).items():
            drawn.setdefault(name, []).append(float(value))
    return {name: _central(np.array(values)) for name, values in drawn.items()}


def _central(values: NDArray[np.float64]) -> Interval:
    known = values[~np.isnan(values)]
    if not len(known):
        return Interval(float("nan"), float("nan"))
    low, high = np.quantile(known, ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2))
    return Interval(float(low), float(high))

"""The queue in front of a link, as M/M/1/K: bursts arrive and are sent at random, and it holds K of them.

With utilisation ρ the probability of n waiting is p_n = ρ^n / (1 + ρ + … + ρ^K); an arrival that finds K is lost.
Flows that see loss slow down, so what is offered of a demand d is ρ = d / (1 + d^8)^(1/8), which stays below 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dwcpc.models.data.processes import Series

YIELDING: Final = 8
GRID: Final = 4096
"""Utilisations at which the sums over n are done; those between are interpolated."""


@dataclass(frozen=True, slots=True)
class Queue:
    """[links, steps]: mean and standard deviation of the bursts waiting, and the share of bursts lost."""

    mean: Series
    deviation: Series
    loss: Series


def offered(demand: Series) -> Series:
    """Return ρ of a demand, which may be above 1."""
    load: Series = demand / (1 + demand**YIELDING) ** (1 / YIELDING)
    return load


def queued(load: Series, buffer: NDArray[np.int64]) -> Queue:
    """Return the queue of utilisation `load`, below 1, for the buffer of each link."""
    out = Queue(np.empty_like(load), np.empty_like(load), np.empty_like(load))
    grid = np.linspace(0, 1, GRID)
    for size in np.unique(buffer):
        rows = buffer == size
        n = np.arange(size + 1)
        p = grid[:, None] ** n
        p /= p.sum(axis=1, keepdims=True)
        mean = p @ n
        deviation = np.sqrt(p @ n**2 - mean**2)
        for values, table in ((out.mean, mean), (out.deviation, deviation), (out.loss, p[:, -1])):
            values[rows] = np.interp(load[rows], grid, table)
    return out

"""Whether a candidate is at least as good as what is served, on the same fresh rows, and whether that is certain.

Both are judged on every draw of the same blocks, so what makes a draw easy or hard cancels out:

    d = figure(candidate, draw) − figure(served, draw)    [low, high]: the central 95 % of d over 1,000 draws

With a tolerance t the candidate is not worse where low ≥ −t, worse where high < −t, and otherwise nobody knows. So a
candidate that really is worse by t passes rarely: by theory one time in 40, measured 3.1 to 3.4 % (`power.py`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dwcpc.compiler.metadata import Verdict

LEVEL: Final = 0.95
DRAWS: Final = 1000
TOLERANCE: Final = 0.01
"""Of a share: one point. What two trainings differ by anyway."""

LEAST_LABELLED: Final = 300
"""With 100 a recall of 0.98 that is worse by one point passed 6 times in 100: few rows may agree by chance."""

LEAST_BLOCKS: Final = 20
"""Blocks with a labelled row: fewer incidents have no interval worth the name."""

LEAST_WINDOWS: Final = 1000
"""Of a forecaster, whose windows need no label."""

Weights = NDArray[np.int64]
Figures = Callable[[Weights | None], Mapping[str, float]]
"""What a model is worth when each fresh row counts so often, once without weights; every figure is better if higher."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One figure of both models, their difference with its interval, and what follows with the tolerance."""

    figure: str
    candidate: float
    served: float
    difference: float
    low: float
    high: float
    tolerance: float
    verdict: Verdict

    @property
    def reason(self) -> str:
        """Say why the verdict is not pass."""
        stated = f"{self.figure} is {self.candidate:.4f}, served is {self.served:.4f}: a difference of "
        stated += f"{self.difference:+.4f} [{self.low:+.4f}, {self.high:+.4f}], and {-self.tolerance:+g} is tolerated"
        return f"{stated}; {'worse' if self.verdict == 'fail' else 'too few fresh rows to tell'}"


def compare(
    block: NDArray[np.int64],
    candidate: Figures,
    served: Figures,
    deciding: Iterable[str],
    *,
    tolerance: float = TOLERANCE,
    seed: int = 0,
) -> tuple[Compared, ...]:
    """Compare the `deciding` figures on rows of which `block` says which ones belong together."""
    names = tuple(deciding)
    drawn = [_differences(candidate, served, names, weights) for weights in _draws(block, seed)]
    mine, theirs = candidate(None), served(None)
    return tuple(
        _compared(name, (mine[name], theirs[name]), np.array([each[name] for each in drawn]), tolerance)
        for name in names
    )


def enough(label: NDArray[np.bool_], block: NDArray[np.int64]) -> str | None:
    """Return why the fresh rows can decide nothing; none where they can."""
    labelled, blocks = int(label.sum()), len(np.unique(block[label]))
    if labelled >= LEAST_LABELLED and blocks >= LEAST_BLOCKS and not label.all():
        return None
    return (
        f"{labelled} of {len(label)} fresh rows are labelled, in {blocks} blocks; expected {LEAST_LABELLED} or more in "
        f"{LEAST_BLOCKS}, and others without: collect for longer"
    )


def enough_windows(block: NDArray[np.int64]) -> str | None:
    """Return why fresh windows can decide nothing about a forecaster; none where they can."""
    blocks = len(np.unique(block))
    if len(block) >= LEAST_WINDOWS and blocks >= LEAST_BLOCKS:
        return None
    return (
        f"{len(block)} fresh windows, in {blocks} blocks; expected {LEAST_WINDOWS:,} or more in {LEAST_BLOCKS}: "
        "collect for longer, or from more links"
    )


def _draws(block: NDArray[np.int64], seed: int) -> Iterable[Weights]:
    count = int(block.max()) + 1
    rng = np.random.default_rng(seed)
    for _ in range(DRAWS):
        yield np.bincount(rng.integers(count, size=count), minlength=count)[block]


def _differences(candidate: Figures, served: Figures, names: tuple[str, ...], weights: Weights) -> dict[str, float]:
    mine, theirs = candidate(weights), served(weights)
    return {name: mine[name] - theirs[name] for name in names}


def _compared(name: str, values: tuple[float, float], drawn: NDArray[np.float64], tolerance: float) -> Compared:
    known = drawn[~np.isnan(drawn)]
    low, high = np.quantile(known, ((1 - LEVEL) / 2, (1 + LEVEL) / 2)) if len(known) else (-math.inf, math.inf)
    verdict: Verdict = "pass" if low >= -tolerance else "fail" if high < -tolerance else "inconclusive"
    return Compared(name, *values, values[0] - values[1], float(low), float(high), tolerance, verdict)

"""Quantiles of what many clients have, from counts alone.

The server names cuts, each client answers how many of its values do not exceed each, rounded to tens, and the sums say
between which two cuts a quantile lies. The first cuts are the same for any data,

    0, ±2^(−40), ±2^(−39.5), … ±2^80, ∞,

and the next divide each quantile's cell into 64, up to three times or until no cell is wider than a thousandth of the
distance of the quartiles. Within its last cell a quantile is interpolated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dwcpc.compiler.errors import InputError

Cuts = NDArray[np.float64]  # [features, cuts], ascending
Counts = NDArray[np.int64]  # as many: values that do not exceed the cut
Ask = Callable[[Cuts], Counts]

COUNT_STEP: Final = 10
"""Clients round what they count of rows to this, so that no answer tells of a single one."""

QUARTILES: Final = (0.25, 0.5, 0.75)

MAGNITUDES: Final = 2.0 ** np.arange(-40, 80.5, 0.5)
CELLS: Final = 64
REFINEMENTS: Final = 3
RESOLUTION: Final = 1e-3
"""Of the distance of the outer quantiles."""


@dataclass(frozen=True, slots=True)
class Quantiles:
    """`values`, and the cells, above `lows` and up to `highs`, that they were found in; all [features, levels]."""

    values: NDArray[np.float64]
    lows: NDArray[np.float64]
    highs: NDArray[np.float64]

    @property
    def widths(self) -> NDArray[np.float64]:
        """Return how wide the cells are."""
        return self.highs - self.lows

    @property
    def cells(self) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """Return the two ends of each level's cells."""
        return list(zip(self.lows.T, self.highs.T, strict=True))


def rounded_counts(values: NDArray[np.floating], cuts: Cuts) -> Counts:
    """Return a client's answer for its `values` [rows, features]."""
    ordered = np.sort(values.astype(np.float64), axis=0)
    counts = [np.searchsorted(ordered[:, feature], each, side="right") for feature, each in enumerate(cuts)]
    return np.rint(np.stack(counts) / COUNT_STEP).astype(np.int64) * COUNT_STEP


def quantiles(ask: Ask, features: int, levels: Sequence[float]) -> Quantiles:
    """Ask for counts until the quantiles of each feature are known."""
    first = np.concatenate([-MAGNITUDES[::-1], [0.0], MAGNITUDES, [np.inf]])
    cuts = np.tile(first, (features, 1))
    found = _interpolated(cuts, ask(cuts), levels)
    for _ in range(REFINEMENTS):
        apart = found.values[:, -1:] - found.values[:, :1]
        if (found.widths <= RESOLUTION * apart).all():
            break
        divided = [np.linspace(low, high, CELLS + 1, axis=1) for low, high in found.cells]
        cuts = np.sort(np.concatenate([*divided, np.full((features, 1), np.inf)], axis=1), axis=1)
        found = _interpolated(cuts, ask(cuts), levels)
    return found


def _interpolated(cuts: Cuts, counts: Counts, levels: Sequence[float]) -> Quantiles:
    """Return where each quantile lies: the count of the last cut, which is infinite, is the number of values."""
    total = counts[:, -1]
    if (total == 0).any():
        raise InputError(
            f"the clients have too few normal rows for a scaler, expected {COUNT_STEP} or more of one; give more data"
        )
    features = np.arange(len(cuts))
    columns = []
    for level in levels:
        wanted = level * total
        at = np.argmax(counts >= wanted[:, None], axis=1)
        low, high = cuts[features, np.maximum(at - 1, 0)], cuts[features, at]
        if (at == 0).any() or not np.isfinite(high).all():
            raise InputError(
                f"a feature's quantile lies beyond ±{MAGNITUDES[-1]:.3g}, expected smaller values; change its unit"
            )
        below = counts[features, at - 1]
        share = (wanted - below) / (counts[features, at] - below)
        columns.append((low, high, low + share * (high - low)))
    lows, highs, values = (np.stack(each, axis=1) for each in zip(*columns, strict=True))
    return Quantiles(values, lows, highs)

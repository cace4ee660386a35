"""Rolling statistics of one series, in the order of additions that docs/features.md writes down."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Series = NDArray[np.float64]


class RollingWindow:
    """The statistics of the last `window` values of each, of which NaN and infinities are none; [values − window + 1].

    The first result is that of the value at `window − 1`. Results that several statistics need are computed once.
    """

    def __init__(self, values: Series, window: int) -> None:
        self._window = window
        self._results = len(values) - window + 1
        self._valid = np.isfinite(values)
        self._values = np.where(self._valid, values, 0.0)

    def statistic(self, op: str, min_periods: int, ddof: int) -> Series:
        """Return `rolling_mean`, `_std`, `_min` or `_max`; NaN where there are fewer than `min_periods` values."""
        statistics: dict[str, Callable[[], Series]] = {
            "rolling_mean": lambda: self._mean,
            "rolling_std": lambda: self._std(ddof),
            "rolling_min": lambda: self._lowest,
            "rolling_max": lambda: self._highest,
        }
        return np.where(self._count >= min_periods, statistics[op](), np.nan)

    def _at(self, array: NDArray[Any], place: int) -> NDArray[Any]:
        """Return what stands at `place` in each window; 0 is the oldest."""
        return array[place : place + self._results]

    @cached_property
    def _count(self) -> NDArray[np.int64]:
        total = np.concatenate([[0], np.cumsum(self._valid)])
        count: NDArray[np.int64] = total[self._window :] - total[: self._results]
        return count

    @cached_property
    def _mean(self) -> Series:
        total = np.zeros(self._results)
        for place in range(self._window):
            total += self._at(self._values, place)
        with np.errstate(divide="ignore", invalid="ignore"):
            return total / self._count

    def _std(self, ddof: int) -> Series:
        squares = np.zeros(self._results)
        for place in range(self._window):
            deviation = self._at(self._values, place) - self._mean
            deviation *= deviation
            np.copyto(deviation, 0.0, where=~self._at(self._valid, place))
            squares += deviation
        freedom = np.where(self._count > ddof, self._count - ddof, np.nan)
        return np.where(self._lowest == self._highest, freedom * 0.0, np.sqrt(squares / freedom))

    @cached_property
    def _lowest(self) -> Series:
        return self._extreme(np.less, np.inf)

    @cached_property
    def _highest(self) -> Series:
        return self._extreme(np.greater, -np.inf)

    def _extreme(self, beyond: np.ufunc, start: float) -> Series:
        """Of equal values the oldest stays, as 0 and −0 are."""
        best = np.full(self._results, start)
        for place in range(self._window):
            value = self._at(self._values, place)
            np.copyto(best, value, where=beyond(value, best) & self._at(self._valid, place))
        return best

"""The executor in Python: a specification over a table, a step at a time, several histories side by side.

Histories stand one behind the other with rows of NaN between them, which is what lies before a history's first sample.
So a window never needs to know where a history begins.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.features.pointwise import pointwise
from dwcpc.compiler.features.rolling import RollingWindow
from dwcpc.compiler.features.spec import Difference, FeatureSpec, Lag, Rolling, Step
from dwcpc.compiler.features.table import Table, take_samples

CHUNK_ROWS = 32_768  # of several histories at once: their series stay in the processor's cache
KEPT_WINDOWS = 8  # whose statistics share work

Series = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Features:
    """What was computed: `values` float64 [taken rows, features], and of each `rows`, where it stands in the table.

    `histories` tells which have one history: what one group's samples are until a gap, counted from 0.
    """

    names: tuple[str, ...]
    values: NDArray[np.float64]
    rows: NDArray[np.int64]
    histories: NDArray[np.int64]


def run_spec(spec: FeatureSpec, table: Table, *, out: Series | None = None) -> Features:
    """Compute the features of every row that is taken, in the table's order; InputError names a row that is refused.

    Their values are the first rows of `out`, float64 [taken rows or more, features], where that is given.
    """
    samples = take_samples(spec, table)
    rows = np.sort(samples.taken)
    values = _room(out, len(rows), len(spec.features))
    place = np.empty(len(samples.raw), np.int64)
    place[rows] = np.arange(len(rows))
    histories = np.empty(len(rows), np.int64)
    histories[place[samples.taken]] = np.repeat(np.arange(len(samples.lengths)), samples.lengths)
    for start, lengths in _chunks(samples.lengths, _rows_between(spec)):
        part = samples.taken[start : start + int(lengths.sum())]
        values[place[part]] = _run(spec, samples.raw[part], lengths, np.zeros(len(lengths), np.int64))
    return Features(spec.features, values, rows, histories)


def run_windows(spec: FeatureSpec, windows: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the features [windows, samples − lookback, features] of raw windows [windows, samples, columns].

    Categories are places. Each window is a history of its own, of which the first `spec.lookback` samples, rows of NaN
    where there were none, only serve the others.
    """
    count, samples, columns = windows.shape
    kept = samples - spec.lookback
    values = np.empty((count, kept, len(spec.features)))
    step = max(1, CHUNK_ROWS // samples)
    for start in range(0, count, step):
        part = np.asarray(windows[start : start + step], np.float64)
        lengths = np.full(len(part), samples)
        found = _run(spec, part.reshape(-1, columns), lengths, np.full(len(part), spec.lookback))
        values[start : start + step] = found.reshape(len(part), kept, -1)
    return values


def _room(out: Series | None, rows: int, features: int) -> Series:
    if out is None:
        return np.empty((rows, features))
    if out.dtype != np.float64 or out.ndim != 2 or len(out) < rows or out.shape[1] != features:
        shape = f"{out.dtype} {list(out.shape)}"
        raise InputError(f"out: is {shape}, expected float64 [{rows} or more, {features}]; omit it for a new array")
    return out[:rows]


def _rows_between(spec: FeatureSpec) -> int:
    """How many rows of NaN stand before a history: as many as any one step looks back."""
    return max(step.lookback for step in spec.steps)


def _chunks(lengths: NDArray[np.int64], between: int) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Yield the first row and the lengths of some histories, of `CHUNK_ROWS` with the rows between, or one of more."""
    begins = np.append(0, np.cumsum(lengths))
    sizes = np.append(0, np.cumsum(lengths + between))
    first = 0
    while first < len(lengths):
        last = max(first + 1, int(np.searchsorted(sizes, sizes[first] + CHUNK_ROWS, side="right")) - 1)
        yield int(begins[first]), lengths[first:last]
        first = last


def _run(
    spec: FeatureSpec, raw: NDArray[np.float64], lengths: NDArray[np.int64], dropped: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the features of histories of these `lengths`, without the first `dropped` samples of each."""
    run = _Run(spec, raw, lengths)
    sample = np.arange(len(raw)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    kept = run.places[sample >= np.repeat(dropped, lengths)]
    features = np.empty((len(spec.features), len(kept)))
    at = 0
    for step in spec.steps:
        series = run.computed(step)
        if step.output:
            features[at] = series[kept]
            at += 1
    return features.T


class _Run:
    """The series that later steps read, with NaN before each history."""

    def __init__(self, spec: FeatureSpec, raw: NDArray[np.float64], lengths: NDArray[np.int64]) -> None:
        between = _rows_between(spec)
        self._size = len(raw) + len(lengths) * between
        self.places = np.arange(len(raw)) + np.repeat(np.arange(1, len(lengths) + 1) * between, lengths)
        self._before = np.ones(self._size, np.bool_)
        self._before[self.places] = False
        self._categories = {column.name: column.categories for column in spec.columns}
        self._read = {source for step in spec.steps for source in step.sources}
        self._windows: dict[tuple[str, int], RollingWindow] = {}
        self._series: dict[str, Series] = {}
        for at, column in enumerate(spec.columns):
            series = np.full(self._size, np.nan)
            series[self.places] = raw[:, at]
            self._series[column.name] = series

    def computed(self, step: Step) -> Series:
        """Return the step's series, which later steps read under its name."""
        with np.errstate(all="ignore"):
            series = self._value(step)
        if step.fill is not None:
            series[np.isnan(series)] = step.fill
        series[self._before] = np.nan
        if step.name in self._read:
            self._series[step.name] = series
            self._windows.clear()  # the name may have been a column's
        return series

    def _value(self, step: Step) -> Series:
        if isinstance(step, Rolling):
            return self._behind(self._window(step.of, step.window).statistic(step.op, step.min_periods, step.ddof))
        sources = [self._series[name] for name in step.sources]
        if isinstance(step, Lag):
            return self._lagged(sources[0], step.samples)
        if isinstance(step, Difference):
            return self._difference(sources[0], step.order)
        return pointwise(step, sources, self._categories.get(step.sources[0], ()))

    def _window(self, of: str, window: int) -> RollingWindow:
        if (of, window) not in self._windows:
            if len(self._windows) == KEPT_WINDOWS:
                del self._windows[next(iter(self._windows))]
            self._windows[of, window] = RollingWindow(self._series[of], window)
        return self._windows[of, window]

    def _behind(self, values: Series) -> Series:
        """Return `values` at the end of a series: before them there was no sample."""
        return np.concatenate([np.full(self._size - len(values), np.nan), values])

    def _lagged(self, series: Series, samples: int) -> Series:
        return self._behind(series[: self._size - samples])

    def _difference(self, series: Series, order: int) -> Series:
        first = series - self._lagged(series, 1)
        return first if order == 1 else first - (self._lagged(series, 1) - self._lagged(series, 2))

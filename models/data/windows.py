"""Windows of a table: so many steps of one group, in order of time, and whether something is wrong in them.

A window is anomalous from `ANOMALOUS_STEPS` steps on that are labelled so, and normal where none is. Between the two
lies an edge window, which shows the first moments of an incident or its last ones: no model is trained or tuned on it,
and evaluation counts it apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dwcpc.compiler.errors import InputError
from dwcpc.models.data.columns import Columns
from dwcpc.models.data.table import Table

ANOMALOUS_SHARE: Final = 0.2
"""Of a window's steps: 6 of 30, three minutes of the simulated groups."""

LARGEST_GAP: Final = 1.5
"""In median steps of time: a longer pause ends a series, and no window goes over it."""


@dataclass(frozen=True, slots=True)
class Windows:
    """`x` float32 [windows, steps, features] in raw units; the rest is [windows].

    `anomalous_steps` is 0 where no label is known. `group` and `begin` say where a window is from, `kind` is the
    anomaly that most of its labelled steps have, empty where none has.
    """

    x: NDArray[np.float32]
    anomalous_steps: NDArray[np.int64]
    group: NDArray[Any]
    begin: NDArray[np.float64]
    kind: NDArray[np.str_]

    @property
    def anomalous(self) -> NDArray[np.bool_]:
        """Return whether each window is an anomaly."""
        return self.anomalous_steps >= self._needed

    @property
    def edge(self) -> NDArray[np.bool_]:
        """Return whether each window is neither normal nor, yet or still, an anomaly."""
        return (self.anomalous_steps > 0) & ~self.anomalous

    @property
    def _needed(self) -> int:
        return max(1, round(int(self.x.shape[1]) * ANOMALOUS_SHARE))

    def taken(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> Windows:
        """Return the windows that `rows` selects."""
        return Windows(self.x[rows], self.anomalous_steps[rows], self.group[rows], self.begin[rows], self.kind[rows])

    def clear(self) -> Windows:
        """Return the windows that are no edge windows."""
        return self.taken(~self.edge)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.x)


def cut_windows(table: Table, columns: Columns, timesteps: int, stride: int) -> Windows:
    """Cut a window of `timesteps` rows at every `stride` rows of each series."""
    series = series_of(table, columns)
    starts = [start for rows in series for start in _starts(rows, timesteps, stride)]
    if not starts:
        longest = max((len(rows) for rows in series), default=0)
        raise InputError(
            f"the longest series without a gap has {longest} rows, expected {timesteps} or more for one window; "
            "give more data or fewer timesteps"
        )
    rows = np.stack(starts)
    x = np.stack([table[name][rows] for name in columns.features], axis=-1).astype(np.float32)
    bad = np.flatnonzero(~np.isfinite(x).all(axis=(0, 1)))
    if len(bad):
        raise InputError(
            f"column {columns.features[bad[0]]!r} holds NaN or infinite values, expected numbers; fill or drop them"
        )
    label = np.zeros(rows.shape, bool) if columns.label is None else table[columns.label][rows] > 0
    first = rows[:, 0]
    return Windows(
        x=x,
        anomalous_steps=label.sum(axis=1),
        group=np.zeros(len(rows), np.int64) if columns.group is None else table[columns.group][first],
        begin=first.astype(np.float64) if columns.time is None else table[columns.time][first],
        kind=_kinds(table, columns, rows, label),
    )


def series_of(table: Table, columns: Columns) -> list[NDArray[np.int64]]:
    """Return the rows of each group in order of time, split where time has a gap."""
    count = len(table[columns.features[0]])
    if columns.group is None:
        groups = [np.arange(count)]
    else:
        _, place = np.unique(table[columns.group], return_inverse=True)
        order = np.argsort(place, kind="stable")
        groups = np.split(order, np.flatnonzero(np.diff(place[order])) + 1)
    return [part for rows in groups for part in _in_time(table, columns, rows)]


def _in_time(table: Table, columns: Columns, rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    if columns.time is None:
        return [rows]
    rows = rows[np.argsort(table[columns.time][rows], kind="stable")]
    steps = np.diff(table[columns.time][rows])
    if len(steps) == 0:
        return [rows]
    return np.split(rows, np.flatnonzero(steps > LARGEST_GAP * np.median(steps)) + 1)


def _starts(rows: NDArray[np.int64], timesteps: int, stride: int) -> list[NDArray[np.int64]]:
    return [rows[at : at + timesteps] for at in range(0, len(rows) - timesteps + 1, stride)]


def _kinds(table: Table, columns: Columns, rows: NDArray[np.int64], label: NDArray[np.bool_]) -> NDArray[np.str_]:
    if columns.kind is None:
        return np.zeros(len(rows), "<U1")
    named = table[columns.kind][rows]
    names = np.unique(named[label]) if label.any() else np.zeros(0, named.dtype)
    if not len(names):
        return np.zeros(len(rows), "<U1")
    counts = np.stack([((named == name) & label).sum(axis=1) for name in names], axis=1)
    return np.where(label.any(axis=1), names[counts.argmax(axis=1)], "")

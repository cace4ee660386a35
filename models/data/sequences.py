"""Windows of features and what is measured a few samples after each: what a forecaster learns from and is judged by.

A window ends with a sample; its targets are the values of other columns `horizon` samples later in the same history. No
feature reads them, and none of what it reads lies behind the window's last sample.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.features.executor import run_spec
from dwcpc.compiler.features.spec import FeatureSpec
from dwcpc.compiler.features.windows import Windows, feature_windows
from dwcpc.models.data.table import Table

LARGEST_GAP: Final = 1.5
"""In median steps of time: a longer pause ends a history, and neither a window nor its horizon goes over it."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Which columns are predicted, `horizon` samples ahead, and which say what they were last, in the same order."""

    targets: tuple[str, ...]
    last: tuple[str, ...]
    horizon: int = 1


@dataclass(frozen=True, slots=True)
class Sequences:
    """`x` float32 [windows, steps, features], raw, `y` and `last` float64 [windows, targets]; the rest is [windows].

    `rows` is the table's row of a window's last sample, of which `group` and `time` are; `left_out` counts windows
    that were not taken because a number in them is missing.
    """

    x: NDArray[np.float32]
    y: NDArray[np.float64]
    last: NDArray[np.float64]
    rows: NDArray[np.int64]
    group: NDArray[Any]
    time: NDArray[np.float64]
    left_out: int

    def __len__(self) -> int:
        """Return how many windows there are."""
        return len(self.x)


def cut_sequences(spec: FeatureSpec, table: Table, forecast: Forecast, timesteps: int, stride: int) -> Sequences:
    """Cut a window of `timesteps` samples at every `stride` samples of each history that has a target for it."""
    features = run_spec(ended_at_gaps(spec, table), table)
    windows = feature_windows(features, timesteps)
    lengths = np.bincount(features.histories)
    ordered = features.rows[np.argsort(features.histories, kind="stable")]
    place = windows.ends - windows.begins
    length = np.repeat(lengths, lengths)[windows.begins]
    which = np.flatnonzero((place + forecast.horizon < length) & ((place - timesteps + 1) % stride == 0))
    if not len(which):
        raise InputError(
            f"the longest history without a gap has {int(lengths.max(initial=0))} samples, expected "
            f"{timesteps + forecast.horizon} or more for one window; give more data or fewer timesteps"
        )
    ahead = ordered[windows.ends[which] + forecast.horizon]
    return _whole(spec, table, forecast, windows, which, ahead)


def _whole(
    spec: FeatureSpec,
    table: Table,
    forecast: Forecast,
    windows: Windows,
    which: NDArray[np.int64],
    ahead: NDArray[np.int64],
) -> Sequences:
    """Return those of the windows `which` in which no number is missing."""
    with np.errstate(over="ignore"):
        x = windows.cut(which).astype(np.float32)
    rows = windows.rows[which]
    y, last = values_of(table, forecast.targets, ahead), values_of(table, forecast.last, rows)
    known = [np.isfinite(each).reshape(len(rows), -1).all(axis=1) for each in (x, y, last)]
    whole = np.logical_and.reduce(known)
    if not whole.any():
        raise InputError(f"table: a number is missing in each of {len(whole)} windows or their targets; fill the gaps")
    kept = rows[whole]
    return Sequences(
        x=x if whole.all() else x[whole],
        y=y[whole],
        last=last[whole],
        rows=kept,
        group=np.zeros(len(kept), np.int64) if spec.group is None else table[spec.group][kept],
        time=kept.astype(np.float64) if spec.time is None else table[spec.time.column][kept].astype(np.float64),
        left_out=int((~whole).sum()),
    )


def values_of(table: Table, columns: tuple[str, ...], rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return float64 [rows, columns]."""
    return np.stack([table[name][rows].astype(np.float64) for name in columns], axis=1)


def ended_at_gaps(spec: FeatureSpec, table: Table) -> FeatureSpec:
    """Return `spec` with a gap that ends a history, where it names a time and no gap itself."""
    if spec.time is None or spec.time.max_gap is not None:
        return spec
    step = median_step(spec, table)
    return dataclasses.replace(spec, time=dataclasses.replace(spec.time, max_gap=LARGEST_GAP * step)) if step else spec


def median_step(spec: FeatureSpec, table: Table) -> float:
    """Return the median time between neighbouring samples of a group, 0 where there are none."""
    assert spec.time is not None  # noqa: S101 - the caller has looked
    time = table[spec.time.column].astype(np.float64)
    group = (
        np.zeros(len(time), np.int64) if spec.group is None else np.unique(table[spec.group], return_inverse=True)[1]
    )
    order = np.lexsort((time, group))
    steps = np.diff(time[order])[np.diff(group[order]) == 0]
    steps = steps[steps > 0]
    return float(np.median(steps)) if len(steps) else 0.0

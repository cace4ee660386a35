"""Windows of a table, one for each sample that has as many before it: of features, and of the raw rows that make them.

features = run_spec(spec, table)
sequences = feature_windows(features, timesteps=10)      # what a sequence model takes
raw = raw_windows(spec, table, timesteps=10)             # what the same model takes that embeds its features
sequences.cut(slice(0, 64))                              # float64 [64, 10, features]; `rows` says which they are

A window lies within one history. Go keeps the same: `NewSequence` (those that are `Full`) and `NewWindow`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.features.executor import Features
from dwcpc.compiler.features.spec import FeatureSpec
from dwcpc.compiler.features.table import Table, take_samples

Index = slice | NDArray[np.int64] | NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """Windows that are cut out when they are asked for: all at once they may be many times the table.

    `rows` int64 [windows] is the table's row of each window's last sample, in the table's order; `length` is how many
    rows each has.
    """

    rows: NDArray[np.int64]
    length: int
    values: NDArray[np.float64]
    order: NDArray[np.int64]  # the rows of `values` history by history
    ends: NDArray[np.int64]  # where in `order` each window ends
    begins: NDArray[np.int64]  # and where its history begins

    def __len__(self) -> int:
        """Return the number of windows."""
        return len(self.rows)

    def cut(self, which: Index = slice(None)) -> NDArray[np.float64]:
        """Return float64 [windows, length, columns or features] of those; rows before the first sample are NaN."""
        places = self.ends[which][:, None] + np.arange(1 - self.length, 1)
        before = places < self.begins[which][:, None]
        places[before] = 0
        cut: NDArray[np.float64] = self.values[self.order[places]]
        cut[before] = np.nan
        return cut


def feature_windows(features: Features, timesteps: int) -> Windows:
    """Return the windows [timesteps, features] of the samples that have a whole one."""
    order = np.argsort(features.histories, kind="stable")
    lengths = np.bincount(features.histories)
    return _windows(features.values, order, features.rows[order], lengths, timesteps)


def raw_windows(spec: FeatureSpec, table: Table, timesteps: int) -> Windows:
    """Return the windows [timesteps + lookback, columns] of the same samples; categories are places.

    `run_windows` makes those features of them that `feature_windows` has. InputError names a row that is refused.
    """
    samples = take_samples(spec, table)
    windows = _windows(samples.raw, samples.taken, samples.taken, samples.lengths, timesteps)
    return replace(windows, length=timesteps + spec.lookback)


def _windows(
    values: NDArray[np.float64],
    order: NDArray[np.int64],
    rows: NDArray[np.int64],
    lengths: NDArray[np.int64],
    timesteps: int,
) -> Windows:
    """Return windows over `values`; `rows` are the table's, in the order of `order`."""
    if timesteps < 1:
        raise InputError(f"timesteps: is {timesteps}, expected 1 or more")
    begins = np.repeat(np.cumsum(lengths) - lengths, lengths)
    ends = np.flatnonzero(np.arange(len(order)) - begins >= timesteps - 1)
    ends = ends[np.argsort(rows[ends])]
    return Windows(
        rows=rows[ends],
        length=timesteps,
        values=values,
        order=order,
        ends=ends,
        begins=begins[ends],
    )

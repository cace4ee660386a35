"""Windows that end with rows of a table: what a network sees where trees see the row alone.

The rows before a window's last may stand before the part that it belongs to, as the features of that row look back
there too; its label is its last row's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.features.executor import Features
from dwcpc.compiler.features.windows import Windows, feature_windows
from dwcpc.models.data.labelled import LabelledRows
from dwcpc.models.data.series_split import Split

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RowWindows:
    """Windows of `timesteps` rows, of the columns that were chosen; `place` [rows] is -1 where a row ends none."""

    windows: Windows
    place: NDArray[np.int64]

    def cut(self, rows: Rows) -> NDArray[np.float32]:
        """Return float32 [rows, timesteps, columns], raw; each of `rows` ends a whole window."""
        return self.windows.cut(self.place[rows]).astype(np.float32)


def row_windows(rows: LabelledRows, columns: NDArray[np.int64], timesteps: int) -> RowWindows:
    """Return the windows over `columns` that lie within one history each; they are cut when they are asked for."""
    names = tuple(rows.names[column] for column in columns)
    values = rows.x[:, columns].astype(np.float64)
    windows = feature_windows(Features(names, values, np.arange(len(values)), rows.history), timesteps)
    place = np.full(len(values), -1, np.int64)
    place[windows.rows] = np.arange(len(windows))
    return RowWindows(windows, place)


def ending_windows(split: Split, rows: LabelledRows, timesteps: int) -> Split:
    """Return the rows of each part that end a window of `timesteps`; InputError where a part has none."""
    place = row_windows(rows, np.zeros(0, np.int64), timesteps).place
    parts = [part[place[part] >= 0] for part in (split.train, split.validation, split.test)]
    for name, part in zip(("train", "validation", "test"), parts, strict=True):
        if not len(part):
            raise InputError(
                f"table: no row to {name} has {timesteps - 1} before it, expected windows of {timesteps}; "
                "give longer histories or fewer --timesteps"
            )
    return Split(*parts)

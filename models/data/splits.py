"""Training, validation and test parts of a table: by time or by group, never rows of one series shuffled.

Windows are cut after the split, so that none lies in two parts. `series_split.py` splits rows that already look back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from dwcpc.compiler.errors import InputError
from dwcpc.models.data.columns import Columns
from dwcpc.models.data.dealt_groups import dealt_groups
from dwcpc.models.data.table import Table, row_count, taken

SHARES: Final = (0.6, 0.2, 0.2)
"""Training, validation, test; of each group's time, or of the groups."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The three parts of a table."""

    train: Table
    validation: Table
    test: Table


def split_by_time(table: Table, columns: Columns, shares: tuple[float, float, float] = SHARES) -> Parts:
    """Give the first rows of each group, by time, to training, the next to validation, the last to the test."""
    part = np.empty(row_count(table), np.int64)
    for rows in _groups(table, columns):
        ordered = rows if columns.time is None else rows[np.argsort(table[columns.time][rows], kind="stable")]
        borders = np.cumsum(shares)[:2] * len(ordered)
        part[ordered] = np.searchsorted(borders, np.arange(len(ordered)), side="right")
    return _parts(table, part)


def split_by_group(table: Table, columns: Columns, seed: int, shares: tuple[float, float, float] = SHARES) -> Parts:
    """Give whole groups, drawn by `seed`, to each part."""
    if columns.group is None:
        raise InputError("a split by group needs a column that names the groups; name it, or split by time")
    return _parts(table, dealt_groups(table[columns.group], seed, shares[:2]))


def _groups(table: Table, columns: Columns) -> list[np.ndarray[tuple[int], np.dtype[np.int64]]]:
    if columns.group is None:
        return [np.arange(row_count(table))]
    _, place = np.unique(table[columns.group], return_inverse=True)
    return [np.flatnonzero(place == at) for at in range(int(place.max()) + 1)]


def _parts(table: Table, part: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Parts:
    return Parts(*(taken(table, part == at) for at in range(3)))

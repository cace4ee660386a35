"""Splits for rows of several series: by group, by time, or by both; rows of one series are never shuffled.

With groups, test rows are of groups that training never saw, at times after all it saw; so are validation rows.
Without, time alone divides, and an embargo keeps rows apart whose features look back across the border.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dwcpc.compiler.errors import InputError
from dwcpc.models.data.dealt_groups import dealt_groups

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Split:
    """Rows to train on, to choose by (thresholds, features, stopping) and to judge by, in the table's order."""

    train: Rows
    validation: Rows
    test: Rows


@dataclass(frozen=True, slots=True)
class Shares:
    """Of groups and of time; the test has the rest. `embargo` is in the unit of time, after each border."""

    groups: tuple[float, float] = (0.5, 0.2)
    time: tuple[float, float] = (0.6, 0.15)
    embargo: float = 0.0


def split_rows(time: NDArray[np.float64], group: NDArray[Any] | None, seed: int, shares: Shares | None = None) -> Split:
    """Split by time, and by group where there are some; InputError where a part would be empty.

    Of n groups, drawn with `seed`, train has the first share of `shares.groups` and the rows before the first border
    of time; validation the second of each, the test the rest.
    """
    shares = shares or Shares()
    part_of_row = _time_parts(time, shares)
    if group is not None:
        by_group = dealt_groups(group, seed, shares.groups)
        part_of_row = np.where(by_group == part_of_row, part_of_row, -1)
    parts = [np.flatnonzero(part_of_row == part) for part in range(3)]
    for name, rows in zip(("train", "validation", "test"), parts, strict=True):
        if not len(rows):
            raise InputError(f"table: no row is left to {name}, expected rows of more times or groups; give more data")
    return Split(*parts)


def _time_parts(time: NDArray[np.float64], shares: Shares) -> NDArray[np.int64]:
    """Return 0, 1 or 2 for each row, −1 in an embargo: borders are quantiles of the rows' times."""
    first, second = np.quantile(time, np.cumsum(shares.time), method="higher")
    part = np.where(time < first, 0, np.where(time < second, 1, 2))
    for border in (first, second):
        part[(time >= border) & (time < border + shares.embargo)] = -1
    return part

"""A table is its columns by name, each an array of as many rows: numbers as float64, anything else as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Table: TypeAlias = Mapping[str, NDArray[Any]]


def row_count(table: Table) -> int:
    """Return how many rows the columns have."""
    return len(next(iter(table.values())))


def taken(table: Table, rows: NDArray[np.bool_] | NDArray[np.int64]) -> Table:
    """Return the rows that `rows` selects."""
    return {name: values[rows] for name, values in table.items()}


def stacked(tables: Sequence[Table]) -> Table:
    """Return the tables one below the other; all have the first one's columns."""
    return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}

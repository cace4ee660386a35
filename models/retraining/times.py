"""Times in a table: plain numbers as they are, dates of RFC 3339 as seconds since 1970; never both in one column."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dwcpc.compiler.errors import InputError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def times(path: Path, name: str, cells: Sequence[str]) -> NDArray[np.float64]:
    """Return the times of a column; the first cell says of which form all are. InputError names the row."""
    read = _number if cells and _number(cells[0]) is not None else _seconds
    found = [read(cell) for cell in cells]
    if None in found:
        row = found.index(None)
        expected = "a number, as the first row has" if read is _number else "a date such as 2026-03-01T12:00:00Z"
        raise InputError(
            f"{path}: row {row + 1} below the names, column {name!r} is {cells[row][:40]!r}, expected {expected}"
        )
    return np.array(found, np.float64)


def _number(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def _seconds(cell: str) -> float | None:
    """Return the seconds; of a fraction finer than a microsecond, as Go writes them, the first six digits count."""
    whole, dot, rest = cell.partition(".")
    digits = len(rest) - len(rest.lstrip("0123456789"))
    text = f"{whole}.{rest[:digits][:6].ljust(6, '0')}{rest[digits:]}" if dot else cell
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (date - EPOCH).total_seconds() if date.tzinfo else None

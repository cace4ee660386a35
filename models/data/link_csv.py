"""Samples of links in `.csv` files, as `Collector.WriteCSV` of the Go service writes them, or of any service."""

from __future__ import annotations

import dataclasses
import math
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.features.spec import Column, FeatureSpec
from dwcpc.compiler.features.table_file import read_table
from dwcpc.models.data.sequences import Forecast
from dwcpc.models.data.table import Table

AS_TEXT = ("time",)  # a category's column is read as text, and its names are not looked at


def read_samples(path: Path, spec: FeatureSpec, forecast: Forecast) -> Table:
    """Read what `spec` and `forecast` name; time is a number or RFC 3339, which becomes seconds since 1970."""
    known = {column.name for column in spec.columns}
    extra = [name for name in dict.fromkeys((*forecast.targets, *forecast.last)) if name not in known]
    columns = (*spec.columns, *(Column(name=name) for name in extra))
    time = None if spec.time is None else spec.time.column
    if time is None or time in known:
        return read_table(path, dataclasses.replace(spec, columns=columns))
    textual = Column(name=time, type="category", categories=AS_TEXT)
    table = dict(read_table(path, dataclasses.replace(spec, columns=(*columns, textual))))
    if not len(table[time]):
        raise InputError(f"{path}: holds no rows, expected a line of names and rows below it")
    return table | {time: _seconds(path, time, table[time])}


def _seconds(path: Path, name: str, cells: NDArray[np.generic]) -> NDArray[np.float64]:
    seconds = np.array([_moment(str(cell).strip()) for cell in cells.tolist()], np.float64)
    bad = np.flatnonzero(np.isnan(seconds))
    if len(bad):
        raise InputError(
            f"{path}: row {bad[0] + 1} below the names, column {name!r} is {str(cells[bad[0]])[:40]!r}, expected a "
            "number or a time such as 2026-01-31T12:00:00Z; correct it"
        )
    return seconds


def _moment(cell: str) -> float:
    """Return a number as it is and a time in seconds, or NaN."""
    try:
        return float(cell)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(cell)
    except ValueError:
        return math.nan
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()

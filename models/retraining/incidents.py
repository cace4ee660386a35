"""Labels out of a log of incidents, as collected samples have none: rows from `begin` to `end`, both included.

The log is a .csv with the columns `begin` and `end`, dates or numbers as the times of the rows; `group`, where only one
series was concerned (an empty cell: all of them); and `kind`, for reports.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dwcpc.compiler.errors import InputError
from dwcpc.models.data.table import Table, row_count
from dwcpc.models.retraining.exports import ExportColumns
from dwcpc.models.retraining.times import times


@dataclass(frozen=True, slots=True)
class Incident:
    """From when to when something was wrong, in the unit of the table's times; a group of none is every series."""

    begin: float
    end: float
    group: str | None
    kind: str


def read_incidents(path: Path) -> tuple[Incident, ...]:
    """Read a log; InputError names the row that is wrong. One without rows says that nothing happened."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as .csv ({error}); save it as UTF-8 text") from error
    for name in ("begin", "end"):
        if rows and rows[0].get(name) is None:
            raise InputError(f"{path}: has no column {name!r}, expected begin, end, and perhaps group and kind")
    begin, end = (times(path, name, [row[name] or "" for row in rows]) for name in ("begin", "end"))
    backwards = np.flatnonzero(end < begin)
    if len(backwards):
        raise InputError(f"{path}: row {backwards[0] + 1} below the names ends before it begins; exchange the two")
    return tuple(
        Incident(float(begin[at]), float(end[at]), row.get("group") or None, row.get("kind") or "")
        for at, row in enumerate(rows)
    )


def labelled_by(
    incidents: tuple[Incident, ...], time: NDArray[np.float64], group: NDArray[np.str_]
) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
    """Return the label and the kind of each row; where incidents overlap, the later one in the log names the kind."""
    label = np.zeros(len(time))
    kind = np.full(len(time), "", dtype=object)
    for incident in incidents:
        concerned = (time >= incident.begin) & (time <= incident.end)
        if incident.group is not None:
            concerned &= group == incident.group
        label[concerned], kind[concerned] = 1.0, incident.kind
    return label, kind.astype(np.str_)


def with_labels(table: Table, incidents: tuple[Incident, ...], columns: ExportColumns) -> Table:
    """Return the table with label and kind, of a model that has them; InputError where the log concerns no row."""
    assert columns.label is not None and columns.kind is not None  # noqa: PT018, S101 - the caller has looked
    time = table[columns.time.name]
    label, kind = labelled_by(incidents, time, table[columns.group.name])
    if incidents and not label.any():
        first = min(incident.begin for incident in incidents)
        raise InputError(
            f"the log of incidents begins at {first:.15g} and concerns none of the {row_count(table)} collected rows, "
            f"which are of {time.min():.15g} to {time.max():.15g}; check its times and groups"
        )
    return {**table, columns.label.name: label, columns.kind: kind}

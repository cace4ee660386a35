"""The first step of `dwcpc retrain`: exports of services become one table with the columns that training knows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dwcpc.compiler.commands.retrain.model import Progress
from dwcpc.compiler.errors import InputError
from dwcpc.models.data.table import Table, row_count
from dwcpc.models.data.table_csv import write_csv
from dwcpc.models.retraining.exports import Collected, ExportColumns, Key, read_exports
from dwcpc.models.retraining.incidents import read_incidents, with_labels

TABLE_FILE = "data.csv"


@dataclass(frozen=True, slots=True)
class DataOrder:
    """Exports, what says when something was wrong if they do not, and what their columns are called."""

    paths: tuple[Path, ...]
    incidents: Path | None = None
    time: str | None = None
    group: str | None = None
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Gathered:
    """What was collected, for the report: rows in the table, those left out and why.

    `labelled` is none where a model needs no labels.
    """

    files: tuple[str, ...]
    rows: int
    labelled: int | None
    repeated: int
    incomplete: int
    begin: float
    until: float

    def __str__(self) -> str:
        left_out = f"{self.repeated:,} repeated and {self.incomplete:,} incomplete ones left out"
        labelled = "" if self.labelled is None else f", {self.labelled:,} labelled"
        return f"{self.rows:,} rows of {len(self.files)} files{labelled}; {left_out}"


def gather(order: DataOrder, columns: ExportColumns, folder: Path, progress: Progress) -> tuple[Path, Gathered] | None:
    """Write `folder/data.csv`; none without exports. InputError where rows lack the labels that a model learns by."""
    given = "--incidents" if order.incidents is not None else "--label" if order.label is not None else None
    if columns.label is None and given is not None:
        raise InputError(f"{given} tells when something was wrong, and this model learns from what came next; omit it")
    if not order.paths:
        if order.incidents is not None:
            raise InputError("--incidents labels collected rows, and there are none; give --data too")
        return None
    progress(f"collect: reading {', '.join(map(str, order.paths))}")
    columns = columns.called(order.time, order.group, order.label)
    collected = read_exports(order.paths, columns)
    table = collected.table if columns.label is None else _labelled(collected, columns, columns.label, order.incidents)
    folder.mkdir(parents=True, exist_ok=True)
    write_csv(folder / TABLE_FILE, table)
    time = table[columns.time.name]
    found = Gathered(
        files=collected.files,
        rows=row_count(table),
        labelled=None if columns.label is None else int(table[columns.label.name].sum()),
        repeated=collected.repeated,
        incomplete=collected.incomplete,
        begin=float(time.min()),
        until=float(time.max()),
    )
    progress(f"collect: {found}")
    return folder / TABLE_FILE, found


def _labelled(collected: Collected, columns: ExportColumns, label: Key, incidents: Path | None) -> Table:
    """Return the rows with the exports' own labels, or with those of the log."""
    if incidents is None:
        if collected.labelled:
            return collected.table
        raise InputError(
            f"{collected.files[0]}: has no column {label.called[0]!r}, without which nobody knows whether the "
            "new model is better; label the rows, or give a log of incidents with --incidents"
        )
    if collected.labelled:
        raise InputError(f"--incidents: the exports have labels in {label.called[0]!r} already; omit one")
    return with_labels(collected.table, read_incidents(incidents), columns)

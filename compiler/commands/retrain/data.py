"""The first step of `dwcpc retrain`: exports of services become one table with the columns that training knows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dwcpc.compiler.commands.retrain.model import Progress
from dwcpc.compiler.errors import InputError
from dwcpc.models.data.table import row_count
from dwcpc.models.data.table_csv import write_csv
from dwcpc.models.retraining.exports import ExportColumns, read_exports
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
    """What was collected, for the report: rows in the table, those left out and why."""

    files: tuple[str, ...]
    rows: int
    labelled: int
    repeated: int
    incomplete: int
    begin: float
    until: float

    def __str__(self) -> str:
        left_out = f"{self.repeated:,} repeated and {self.incomplete:,} incomplete ones left out"
        return f"{self.rows:,} rows of {len(self.files)} files, {self.labelled:,} labelled; {left_out}"


def gather(order: DataOrder, columns: ExportColumns, folder: Path, progress: Progress) -> tuple[Path, Gathered] | None:
    """Write `folder/data.csv`; none without exports. InputError where rows have no labels to learn and to judge by."""
    if not order.paths:
        if order.incidents is not None:
            raise InputError("--incidents labels collected rows, and there are none; give --data too")
        return None
    progress(f"collect: reading {', '.join(map(str, order.paths))}")
    columns = columns.called(order.time, order.group, order.label)
    collected = read_exports(order.paths, columns)
    table = collected.table
    if order.incidents is not None:
        if collected.labelled:
            raise InputError(f"--incidents: the exports have labels in {columns.label.called[0]!r} already; omit one")
        table = with_labels(table, read_incidents(order.incidents), columns)
    elif not collected.labelled:
        raise InputError(
            f"{collected.files[0]}: has no column {columns.label.called[0]!r}, without which nobody knows whether the "
            "new model is better; label the rows, or give a log of incidents with --incidents"
        )
    folder.mkdir(parents=True, exist_ok=True)
    write_csv(folder / TABLE_FILE, table)
    time, label = table[columns.time.name], table[columns.label.name]
    found = Gathered(
        files=collected.files,
        rows=row_count(table),
        labelled=int(label.sum()),
        repeated=collected.repeated,
        incomplete=collected.incomplete,
        begin=float(time.min()),
        until=float(time.max()),
    )
    progress(f"collect: {found}")
    return folder / TABLE_FILE, found

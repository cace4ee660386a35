"""Exports of services as one table: rows of the same series and time are one row, whichever exports they stand in.

A row's series is its column `group`; without one, the folder that the export lies in below the one that was named
(`DIR/NODE/*.csv`), and otherwise there is one series. A label may have been corrected since, so that of the last file
counts; a measurement that differs tells of two series that were taken for one.
"""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dwcpc.compiler.errors import InputError
from dwcpc.models.data.table import Table, row_count, stacked, taken
from dwcpc.models.retraining.times import times

SUFFIX = ".csv"


@dataclass(frozen=True, slots=True)
class Key:
    """A column that the table calls `name`, and what exports may call it: the first one that is there counts."""

    name: str
    called: tuple[str, ...]

    def only(self, given: str | None) -> Key:
        """Return the same where exports call it `given`, and nothing else."""
        return self if given is None else Key(self.name, (given,))

    def of(self, cells: dict[str, list[str]]) -> str | None:
        """Return what an export calls it; none where it has no such column."""
        return next((name for name in self.called if name in cells), None)


@dataclass(frozen=True, slots=True)
class ExportColumns:
    """What an export has to hold: `numbers` and `texts` are measurements; `kind`, for reports alone, may be missing.

    A model that learns from what came later has neither `label` nor `kind`.
    """

    numbers: tuple[str, ...]
    texts: tuple[str, ...]
    time: Key
    group: Key
    label: Key | None = None
    kind: str | None = None

    @property
    def measured(self) -> tuple[str, ...]:
        """Return the columns of measurements."""
        return (*self.numbers, *self.texts)

    def called(self, time: str | None, group: str | None, label: str | None) -> ExportColumns:
        """Return the same where exports have these names; a given group has to be there."""
        flag = None if self.label is None else self.label.only(label)
        return dataclasses.replace(self, time=self.time.only(time), group=self.group.only(group), label=flag)


@dataclass(frozen=True, slots=True)
class Collected:
    """The rows of all exports, by series and time. `labelled` is whether exports have labels: all of them or none.

    `repeated` rows stood in several exports, `incomplete` ones lacked a value, and neither is in the table.
    """

    table: Table
    labelled: bool
    files: tuple[str, ...]
    repeated: int
    incomplete: int


def read_exports(paths: Sequence[Path], columns: ExportColumns) -> Collected:
    """Read the files, and the `.csv` files of folders; InputError names the file and what is wrong with it."""
    files = [found for path in paths for found in _files(path)]
    tables = [_read(file, group, columns) for file, group in files]
    with_label = [columns.label is not None and columns.label.name in table for table in tables]
    if columns.label is not None and len(set(with_label)) > 1:
        first, name = files[with_label.index(False)][0], columns.label.name
        raise InputError(f"{first}: has no column {name!r}, which other exports have; label all of them or none")
    both = stacked([_alike(table, columns, label=all(with_label)) for table in tables])
    whole = _whole(both, columns)
    if not whole.any():
        raise InputError(f"{files[0][0]}: every row lacks a value, expected rows with {', '.join(columns.measured)}")
    distinct = _distinct(taken(both, whole), columns)
    return Collected(
        table=distinct,
        labelled=all(with_label),
        files=tuple(file.name for file, _ in files),
        repeated=int(whole.sum()) - row_count(distinct),
        incomplete=int((~whole).sum()),
    )


def _files(path: Path) -> Iterator[tuple[Path, str]]:
    """Yield each file with the series that its folder names."""
    if not path.is_dir():
        yield path, ""
        return
    found = sorted(file for file in path.rglob(f"*{SUFFIX}") if file.is_file())
    if not found:
        raise InputError(f"{path}: holds no {SUFFIX} file, expected exports of a service; name their folder")
    for file in found:
        yield file, file.parent.relative_to(path).as_posix().removeprefix(".")


def _read(path: Path, folder: str, columns: ExportColumns) -> Table:
    cells = _cells(path)
    missing = [name for name in columns.measured if name not in cells]
    if missing:
        raise InputError(
            f"{path}: has no column {missing[0]!r}, expected {', '.join(columns.measured)}; is it of another model?"
        )
    time, group = columns.time.of(cells), columns.group.of(cells)
    if time is None:
        raise InputError(f"{path}: has no column {' or '.join(map(repr, columns.time.called))}; name it with --time")
    count = len(cells[time])
    table: dict[str, NDArray[np.generic]] = {
        columns.group.name: np.array([folder] * count if group is None else cells[group], np.str_),
        columns.time.name: times(path, time, cells[time]),
        **{name: _numbers(path, name, cells[name]) for name in columns.numbers},
        **{name: np.array(cells[name], np.str_) for name in columns.texts},
    }
    label = None if columns.label is None else columns.label.of(cells)
    if columns.label is not None and label is not None:
        table[columns.label.name] = _labels(path, label, cells[label])
    if columns.kind is not None:
        table[columns.kind] = np.array(cells.get(columns.kind, [""] * count), np.str_)
    return table


def _cells(path: Path) -> dict[str, list[str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            names = [name.strip() for name in next(reader, [])]
            lines = [_line(path, reader.line_num, cells, len(names)) for cells in reader if any(cells)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as .csv ({error}); save it as UTF-8 text") from error
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"{path}: has {names.count(twice)} columns {twice!r}, expected one; rename the others")
    if not lines:
        raise InputError(f"{path}: holds no rows, expected a line of names and rows below it")
    return {name: [line[at].strip() for line in lines] for at, name in enumerate(names)}


def _line(path: Path, number: int, cells: list[str], expected: int) -> list[str]:
    if len(cells) != expected:
        raise InputError(f"{path}: line {number} has {len(cells)} cells, expected {expected}, as the first line")
    return cells


def _numbers(path: Path, name: str, cells: list[str]) -> NDArray[np.float64]:
    """Return the numbers, NaN for an empty cell: a value that a service did not have."""
    values = np.empty(len(cells))
    for row, cell in enumerate(cells):
        try:
            values[row] = float(cell or "nan")
        except ValueError:
            raise InputError(
                f"{path}: row {row + 1} below the names, column {name!r} is {cell[:40]!r}, expected a number"
            ) from None
    return values


def _labels(path: Path, name: str, cells: list[str]) -> NDArray[np.float64]:
    values = _numbers(path, name, cells)
    wrong = np.flatnonzero((values != 0) & (values != 1))
    if len(wrong):
        cell = cells[wrong[0]][:40]
        raise InputError(f"{path}: row {wrong[0] + 1} below the names, column {name!r} is {cell!r}, expected 0 or 1")
    return values


def _alike(table: Table, columns: ExportColumns, *, label: bool) -> Table:
    """Return the columns in one order, so that tables can be stacked."""
    keys = (columns.group.name, columns.time.name)
    flag = columns.label.name if label and columns.label is not None else None
    names = (*keys, *columns.measured, flag, columns.kind)
    return {name: table[name] for name in names if name is not None}


def _whole(table: Table, columns: ExportColumns) -> NDArray[np.bool_]:
    known = [np.isfinite(table[name]) for name in columns.numbers] + [table[name] != "" for name in columns.texts]
    whole: NDArray[np.bool_] = np.logical_and.reduce(known)
    return whole


def _distinct(table: Table, columns: ExportColumns) -> Table:
    """Return the rows by series and time, of those with the same the last one."""
    group, time = table[columns.group.name], table[columns.time.name]
    order = np.lexsort((time, group))  # stable: rows with the same keys stay as they were read
    same = (group[order][1:] == group[order][:-1]) & (time[order][1:] == time[order][:-1])
    for name in columns.measured:
        values = table[name][order]
        differing = np.flatnonzero(same & (values[1:] != values[:-1]))
        if len(differing):
            at = differing[0]
            raise InputError(
                f"exports: {name!r} is {values[at]} and {values[at + 1]} at the same time {time[order][at]:.15g} of "
                f"{str(group[order][at]) or 'one series'!r}; put each node's exports in a folder of its own, or name "
                "the column of nodes with --group"
            )
    return taken(table, order[np.append(~same, True)])

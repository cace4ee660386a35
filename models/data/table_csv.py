"""Tables in `.csv` files: the first line names the columns, an empty number is NaN."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.whole_file import whole_file
from dwcpc.models.data.columns import Columns
from dwcpc.models.data.table import Table, row_count


def read_csv(path: Path, columns: Columns) -> Table:
    """Read the columns that `columns` names; others are ignored. InputError names the line and the column."""
    names, lines = _cells(path)
    for name in columns.all:
        if name not in names:
            raise InputError(
                f"{path}: has no column {name!r}, expected {', '.join(columns.all)}; add it or name another"
            )
    table: dict[str, NDArray[np.generic]] = {}
    for name in columns.all:
        cells = [line[names.index(name)].strip() for line in lines]
        table[name] = np.array(cells, np.str_) if name in columns.texts else _numbers(path, name, cells)
    if columns.label is not None:
        _check_label(path, columns.label, table[columns.label])
    return table


def write_csv(path: Path, table: Table) -> None:
    """Write every column; numbers so that they are read back as they are."""
    stated = [values.tolist() for values in table.values()]
    with whole_file(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        writer = csv.writer(text)
        writer.writerow(list(table))
        writer.writerows([column[at] for column in stated] for at in range(row_count(table)))
        text.flush()
        text.detach()


def _cells(path: Path) -> tuple[list[str], list[list[str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            names = [name.strip() for name in next(reader, [])]
            lines = [_line(path, reader.line_num, cells, names) for cells in reader if any(cells)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as .csv ({error}); save it as UTF-8 text") from error
    if not lines:
        raise InputError(f"{path}: holds no rows, expected a line of names and rows below it")
    return names, lines


def _line(path: Path, number: int, cells: list[str], names: list[str]) -> list[str]:
    if len(cells) != len(names):
        raise InputError(f"{path}: line {number} has {len(cells)} cells, expected {len(names)}, as the first line")
    return cells


def _numbers(path: Path, name: str, cells: list[str]) -> NDArray[np.float64]:
    try:
        return np.array([cell or "nan" for cell in cells], np.str_).astype(np.float64)
    except ValueError:
        row, cell = next((at, cell) for at, cell in enumerate(cells) if not _is_number(cell))
        raise InputError(
            f"{path}: row {row + 1} below the names, column {name!r} is {cell[:40]!r}, expected a number"
        ) from None


def _is_number(cell: str) -> bool:
    try:
        float(cell or "nan")
    except ValueError:
        return False
    return True


def _check_label(path: Path, name: str, label: NDArray[np.generic]) -> None:
    wrong = np.flatnonzero(~np.isin(label, (0.0, 1.0)))
    if len(wrong):
        raise InputError(
            f"{path}: row {wrong[0] + 1} below the names, column {name!r} is {label[wrong[0]]}, expected 0 or 1"
        )

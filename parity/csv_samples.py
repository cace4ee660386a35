"""Samples in a `.csv` file: one a line, its features in the model's order, commas between them and points in numbers.

The first line is a header where none of its cells is a number; blank lines do not count. A cell that is no finite
number is named by its line and column.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dwcpc.compiler.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Line = tuple[int, list[str]]


def read_samples(path: Path, features: int, names: tuple[str, ...] = ()) -> NDArray[np.float32]:
    """Return [lines, features]; a header must hold `names`, where there are any, in their order."""
    lines = _lines(path)
    for number, cells in lines:
        if len(cells) != features:
            raise InputError(
                f"{path}: line {number} has {len(cells)} columns, expected {features}, one for each feature, with "
                "commas between them"
            )
    if lines and not any(_is_number(cell) for cell in lines[0][1]):
        _check_header(path, lines.pop(0)[1], names)
    values = [[_number(path, number, at, cell) for at, cell in enumerate(cells)] for number, cells in lines]
    return np.array(values, np.float32).reshape(len(lines), features)


def _lines(path: Path) -> list[Line]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(_filled(csv.reader(file)))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as .csv ({error}); save it as UTF-8 text") from error


def _filled(reader: Iterator[list[str]]) -> Iterator[Line]:
    for cells in reader:
        if any(cell.strip() for cell in cells):
            yield reader.line_num, [cell.strip() for cell in cells]  # type: ignore[attr-defined]  # csv.reader has it


def _check_header(path: Path, cells: list[str], names: tuple[str, ...]) -> None:
    for at, (cell, name) in enumerate(zip(cells, names, strict=False)):
        if cell != name:
            raise InputError(
                f"{path}: column {at + 1} of the header is {cell[:40]!r}, expected {name!r}; put the columns into the "
                "order of the scaler's features"
            )


def _number(path: Path, line: int, column: int, cell: str) -> np.float32:
    with np.errstate(over="ignore"):
        value = np.float32(cell) if _is_number(cell) else np.float32("nan")
    if not np.isfinite(value):
        raise InputError(
            f"{path}: line {line}, column {column + 1} is {cell[:40]!r}, expected a finite number; correct or "
            "drop the line"
        )
    return value


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell  # which Python takes between digits

"""Tables in files: raw samples from `.csv`, features to `.csv` or `.npy`."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.features.executor import Features
from dwcpc.compiler.features.spec import FeatureSpec
from dwcpc.compiler.features.table import Table
from dwcpc.compiler.whole_file import whole_file

SUFFIXES = (".csv", ".npy")


def read_table(path: Path, spec: FeatureSpec) -> Table:
    """Return the columns that `spec` reads; the first line names them, others are ignored. An empty number is NaN."""
    names, lines = _cells(path)
    table: dict[str, NDArray[np.generic]] = {}
    text = {column.name for column in spec.columns if column.is_category} | {spec.group}
    for name in _needed(spec):
        if name not in names:
            raise InputError(f"{path}: has no column {name!r}, expected {', '.join(_needed(spec))}; add it")
        cells = [cells[names.index(name)] for _, cells in lines]
        table[name] = np.array(cells, np.str_) if name in text else _numbers(path, name, cells, lines)
    return table


def write_features(path: Path, features: Features, spec: FeatureSpec, table: Table) -> None:
    """Write `.npy` (float64 [rows, features]) or `.csv`, whose first columns are the group's and the time's."""
    with whole_file(path) as file:
        if path.suffix.lower() == ".npy":
            np.save(file, features.values)
        else:
            _write_csv(file, features, {name: table[name][features.rows] for name in _keys(spec)})


def check_suffix(path: Path) -> None:
    """Refuse a file of another format."""
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"{path}: expected a name that ends in {' or '.join(SUFFIXES)}")


def _keys(spec: FeatureSpec) -> list[str]:
    return [name for name in (spec.group, spec.time and spec.time.column) if name]


def _needed(spec: FeatureSpec) -> list[str]:
    return list(dict.fromkeys([*_keys(spec), *(column.name for column in spec.columns)]))


def _cells(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            names = [name.strip() for name in next(reader, [])]
            lines = list(_lines(path, reader, len(names)))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as .csv ({error}); save it as UTF-8 text") from error
    return names, lines


def _lines(path: Path, reader: Iterator[list[str]], width: int) -> Iterator[tuple[int, list[str]]]:
    for cells in reader:
        number: int = reader.line_num  # type: ignore[attr-defined]  # csv.reader has it
        if len(cells) == width:
            yield number, cells
        elif any(cells):
            raise InputError(f"{path}: line {number} has {len(cells)} cells, expected {width}, as the first line")


def _numbers(path: Path, name: str, cells: list[str], lines: list[tuple[int, list[str]]]) -> NDArray[np.float64]:
    try:
        return np.array([cell.strip() or "nan" for cell in cells], np.str_).astype(np.float64)
    except ValueError:
        for (number, _), cell in zip(lines, cells, strict=True):
            _check_number(path, name, number, cell)
        raise


def _check_number(path: Path, name: str, number: int, cell: str) -> None:
    try:
        float(cell.strip() or "nan")
    except ValueError as error:
        raise InputError(f"{path}: line {number}, column {name!r} is {cell[:40]!r}, expected a number") from error


def _write_csv(file: BinaryIO, features: Features, keys: Table) -> None:
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    writer = csv.writer(text)
    writer.writerow([*keys, *(f"feature_{name}" if name in keys else name for name in features.names)])
    stated = [column.tolist() for column in keys.values()]
    for at, values in enumerate(features.values.tolist()):
        writer.writerow([*(column[at] for column in stated), *map(repr, values)])
    text.flush()
    text.detach()

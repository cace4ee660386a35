"""A table of raw samples: its columns checked, its categories as places, and its rows put into histories.

A history is what one group's samples are until a gap: nothing that a feature reads lies outside of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.features.spec import Column, FeatureSpec, Time

Table = Mapping[str, NDArray[Any]]  # [rows] each: numbers, or text; in arrays of objects None, NaN and NA are missing
NUMBERS = "biuf"  # the kinds of dtype that are numbers: no complex ones, and no time spans, whose NaT is a number


@dataclass(frozen=True, slots=True)
class Samples:
    """A table's raw values, float64 [rows, columns] with categories as places, and which of its rows are samples.

    `taken` int64 [samples] are the rows history by history, `lengths` int64 [histories] how many each has.
    """

    raw: NDArray[np.float64]
    taken: NDArray[np.int64]
    lengths: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Refusal:
    """The first row that a rule refuses, and why."""

    row: int
    column: str
    reason: str


def take_samples(spec: FeatureSpec, table: Table) -> Samples:
    """Take the rows that are samples; InputError names the first row that is refused, and its column."""
    _check_columns(spec, table)
    taken, starts, refused = _in_order(spec, table)
    raw = np.empty((_row_count(spec, table), len(spec.columns)), np.float64)
    for place, column in enumerate(spec.columns):
        raw[:, place] = _coded(column, table[column.name])
        refused += _unknown(column, raw[:, place], table, taken)
    _raise_first(refused)
    lengths = np.diff(np.append(np.flatnonzero(starts), len(taken))) if len(taken) else np.zeros(0, np.int64)
    return Samples(raw, taken, lengths)


def _in_order(spec: FeatureSpec, table: Table) -> tuple[NDArray[np.int64], NDArray[np.bool_], list[Refusal]]:
    """Return the rows that neither group nor time skip, group by group; which begin a history; and what is refused."""
    group, refused = _group_places(spec.group, table, _row_count(spec, table))
    order = np.argsort(group, kind="stable")
    starts = np.diff(group[order], prepend=-1) != 0
    if spec.time is None:
        return order, starts, refused
    order, starts, by_time = _in_time(spec.time, table, order, starts)
    return order, starts, refused + by_time


def _check_columns(spec: FeatureSpec, table: Table) -> None:
    needed = [column.name for column in spec.columns]
    needed += [name for name in (spec.group, spec.time and spec.time.column) if name]
    for name in needed:
        if name not in table:
            raise InputError(f"table: has no column {name!r}, expected {', '.join(dict.fromkeys(needed))}; add it")


def _row_count(spec: FeatureSpec, table: Table) -> int:
    lengths = {name: len(values) for name, values in table.items()}
    first = spec.columns[0].name
    for name, length in lengths.items():
        if length != lengths[first]:
            raise InputError(f"table: column {name!r} has {length} rows, expected {lengths[first]}, as {first!r} has")
    return lengths[first]


def _coded(column: Column, values: NDArray[Any]) -> NDArray[np.float64]:
    """Return numbers as they are, and categories as places: NaN where there is no such category."""
    if column.is_category:
        known, place = np.unique(_texts(values), return_inverse=True)
        places = {category: float(at) for at, category in enumerate(column.categories)}
        return np.array([places.get(str(name), np.nan) for name in known], np.float64)[place]
    if values.dtype.kind not in NUMBERS:
        raise InputError(f"table: column {column.name!r} is of type {values.dtype}, expected numbers")
    return values.astype(np.float64)


def _unknown(column: Column, codes: NDArray[np.float64], table: Table, taken: NDArray[np.int64]) -> list[Refusal]:
    """Refuse the first row, of those taken, whose category is unknown, where the specification does."""
    if not column.is_category or column.unknown == "missing":
        return []
    categories = ", ".join(column.categories)
    return [
        Refusal(
            int(row),
            column.name,
            f"is {str(_texts(table[column.name][row : row + 1])[0])!r}, expected one of {categories}",
        )
        for row in np.sort(taken[np.isnan(codes[taken])])[:1]
    ]


def _group_places(group: str | None, table: Table, count: int) -> tuple[NDArray[np.int64], list[Refusal]]:
    if group is None:
        return np.zeros(count, np.int64), []
    keys = table[group] if table[group].dtype.kind in NUMBERS else _texts(table[group])
    missing = (
        np.isnan(keys)
        if keys.dtype.kind == "f"
        else keys == ""
        if keys.dtype.kind == "U"
        else np.zeros(count, np.bool_)
    )
    refused = [Refusal(int(row), group, "is empty, expected the sample's group") for row in np.flatnonzero(missing)[:1]]
    return np.unique(keys, return_inverse=True)[1], refused


def _texts(values: NDArray[Any]) -> NDArray[np.str_]:
    """Return values as text, which is empty where one is missing."""
    texts = values.astype(np.str_)
    if values.dtype == object:
        texts[[_is_missing(value) for value in values]] = ""
    elif values.dtype.kind not in "OSU":
        texts[values != values] = ""  # noqa: PLR0124 - NaN and NaT alone differ from themselves
    return texts


def _is_missing(value: object) -> bool:
    try:
        return value is None or bool(value != value)  # noqa: PLR0124 - NaN and NaT alone differ from themselves
    except TypeError:
        return True  # pandas' NA will not say whether it differs


def _in_time(
    time: Time, table: Table, order: NDArray[np.int64], starts: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.bool_], list[Refusal]]:
    """Return the taken rows in order, which of them begin a history, and what is refused."""
    stamps = _coded(Column(name=time.column), table[time.column])[order]
    finite = np.isfinite(stamps)
    refused = [
        Refusal(int(row), time.column, "is no finite time, expected when the sample was taken")
        for row in np.sort(order[~finite])[:1]
    ]
    before = _last_taken(np.where(finite, stamps, -np.inf), starts)
    late, again = stamps < before, stamps == before
    for rule, found, what in ((time.late, late, "before"), (time.duplicate, again, "the same as")):
        if rule == "refuse" and found.any():
            row = int(order[found].min())
            refused.append(Refusal(row, time.column, f"is {what} the group's sample before it, expected a later time"))
    skipped = (late & (time.late == "skip")) | (again & (time.duplicate == "skip"))
    new = starts if time.max_gap is None else starts | (stamps - before > time.max_gap)
    return order[~skipped], new[~skipped], refused


def _last_taken(stamps: NDArray[np.float64], starts: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the latest time before each row in its group, NaN before the first: late rows never move it."""
    known, rank = np.unique(stamps, return_inverse=True)
    # Ranks of a later group are all above those of an earlier one, so that one running maximum serves all groups.
    running = np.maximum.accumulate(rank + np.cumsum(starts) * len(known)) % max(len(known), 1)
    before = np.empty(len(stamps))
    before[1:] = known[running[:-1]]
    before[starts] = np.nan
    return before


def _raise_first(refused: list[Refusal]) -> None:
    if refused:
        first = min(refused, key=lambda refusal: refusal.row)
        raise InputError(f"table: row {first.row}, column {first.column!r} {first.reason}; correct or remove the row")

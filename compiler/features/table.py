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

Table = Mapping[str, NDArray[Any]]  # [rows] each: float64 numbers, or text


@dataclass(frozen=True, slots=True)
class Histories:
    """The rows of a table that were taken, history by history: `rows` int64 [taken], `lengths` int64 [histories]."""

    rows: NDArray[np.int64]
    lengths: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Refusal:
    """The first row that a rule refuses, and why."""

    row: int
    column: str
    reason: str


def raw_values(spec: FeatureSpec, table: Table) -> NDArray[np.float64]:
    """Return float64 [rows, columns], categories as places; InputError names the first row that a column refuses."""
    _check_columns(spec, table)
    values = np.empty((_row_count(spec, table), len(spec.columns)), np.float64)
    refused = []
    for place, column in enumerate(spec.columns):
        values[:, place], refusal = _coded(column, table[column.name])
        refused += refusal
    _raise_first(refused)
    return values


def take_rows(spec: FeatureSpec, table: Table) -> Histories:
    """Return which rows are samples and in which history; InputError names the first that `group` or `time` refuse."""
    _check_columns(spec, table)
    count = _row_count(spec, table)
    group, refused = _group_places(spec.group, table, count)
    order = np.argsort(group, kind="stable")
    starts = np.diff(group[order], prepend=-1) != 0
    if spec.time is not None:
        order, starts, by_time = _in_time(spec.time, table, order, starts)
        refused += by_time
    _raise_first(refused)
    if not len(order):
        return Histories(order, np.zeros(0, np.int64))
    return Histories(order, np.diff(np.append(np.flatnonzero(starts), len(order))))


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


def _coded(column: Column, values: NDArray[Any]) -> tuple[NDArray[np.float64], list[Refusal]]:
    if not column.is_category:
        if not np.issubdtype(values.dtype, np.number) and values.dtype != np.bool_:
            raise InputError(f"table: column {column.name!r} is of type {values.dtype}, expected numbers")
        return values.astype(np.float64), []
    text = values.astype(np.str_)
    known, place = np.unique(text, return_inverse=True)
    places = {category: float(at) for at, category in enumerate(column.categories)}
    codes = np.array([places.get(str(name), np.nan) for name in known], np.float64)[place]
    unknown = np.flatnonzero(np.isnan(codes))
    if not len(unknown) or column.unknown == "missing":
        return codes, []
    row = int(unknown[0])
    return codes, [Refusal(row, column.name, f"is {str(text[row])!r}, expected one of {', '.join(column.categories)}")]


def _group_places(group: str | None, table: Table, count: int) -> tuple[NDArray[np.int64], list[Refusal]]:
    if group is None:
        return np.zeros(count, np.int64), []
    keys = table[group]
    missing = np.isnan(keys) if np.issubdtype(keys.dtype, np.floating) else keys.astype(np.str_) == ""
    refused = [Refusal(int(row), group, "is empty, expected the sample's group") for row in np.flatnonzero(missing)[:1]]
    return np.unique(keys.astype(np.str_) if keys.dtype == object else keys, return_inverse=True)[1], refused


def _in_time(
    time: Time, table: Table, order: NDArray[np.int64], starts: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.bool_], list[Refusal]]:
    """Return the taken rows in order, which of them begin a history, and what is refused."""
    stamps = _coded(Column(name=time.column), table[time.column])[0][order]
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

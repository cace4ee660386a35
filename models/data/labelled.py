"""Tables with a label, from a simulator or a file, and the rows that a model is trained on."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.features.executor import run_spec
from dwcpc.compiler.features.spec import Column, FeatureSpec, Time
from dwcpc.compiler.features.table import Table
from dwcpc.compiler.features.table_file import read_table


@dataclass(frozen=True, slots=True)
class LabelledRows:
    """Features and what belongs to each row. `group` is None for one series, `cause` None where nobody knows it.

    `x` float32 [rows, features], raw as a service has them; `label` bool [rows]. `history` int64 [rows] tells which
    have one history: what one group's samples are until a gap.
    """

    spec: FeatureSpec
    names: tuple[str, ...]
    x: NDArray[np.float32]
    label: NDArray[np.bool_]
    time: NDArray[np.float64]
    group: NDArray[Any] | None
    cause: NDArray[np.str_] | None
    history: NDArray[np.int64]


def labelled_rows(spec: FeatureSpec, table: Table, label: str, cause: str | None = None) -> LabelledRows:
    """Compute the features of `table`; its columns `label` (0 or 1) and `cause` go along, and are no features."""
    if spec.time is None:
        raise InputError(f"{spec.name}: names no time, expected a column to split by; name one in the specification")
    features = run_spec(spec, table)
    rows = features.rows
    return LabelledRows(
        spec=spec,
        names=features.names,
        x=features.values.astype(np.float32),
        label=_flags(label, table[label])[rows],
        time=table[spec.time.column][rows].astype(np.float64),
        group=None if spec.group is None else table[spec.group][rows],
        cause=None if cause is None else table[cause][rows],
        history=features.histories,
    )


def read_labelled(path: Path, spec: FeatureSpec, label: str) -> LabelledRows:
    """Read a `.csv` with the columns of `spec` and one of 0 and 1; others are ignored."""
    if label in {column.name for column in spec.columns}:
        raise InputError(f"{path}: the label {label!r} is a column that {spec.name} reads; name the column to predict")
    wider = dataclasses.replace(spec, columns=(*spec.columns, Column(name=label)))
    return labelled_rows(spec, read_table(path, wider), label)


def keyed_by(spec: FeatureSpec, time: str | None, group: str | None) -> FeatureSpec:
    """Return `spec` with other columns for time and group, where they are given."""
    if time is not None:
        spec = dataclasses.replace(spec, time=dataclasses.replace(spec.time or Time(column=time), column=time))
    return spec if group is None else dataclasses.replace(spec, group=group)


def _flags(name: str, values: NDArray[Any]) -> NDArray[np.bool_]:
    wrong = np.flatnonzero((values != 0) & (values != 1))
    if len(wrong):
        raise InputError(f"table: row {wrong[0]}, column {name!r} is {values[wrong[0]]}, expected 0 or 1; correct it")
    return np.asarray(values == 1, np.bool_)

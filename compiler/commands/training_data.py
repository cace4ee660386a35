"""Where `dwcpc train` and `dwcpc evaluate` take their data from: a table in a file, or the simulator."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dwcpc.compiler.errors import InputError
from dwcpc.models.data.columns import Columns
from dwcpc.models.data.table_csv import read_csv
from dwcpc.models.data.windows import cut_windows
from dwcpc.models.training.folds import (
    CONSENSUS_COLUMNS,
    ConsensusSizes,
    Folds,
    TestSet,
    folds_of_table,
    simulated_folds,
)


@dataclass(frozen=True, slots=True)
class DataOptions:
    """A file and its columns; without a file `seed`, `difficulty` and `sizes` of the simulator."""

    data: Path | None
    columns: Columns
    split: Literal["time", "group"]
    seed: int
    difficulty: float
    sizes: ConsensusSizes


def columns_of(
    features: tuple[str, ...], label: str | None, time: str | None, group: str | None, kind: str | None
) -> Columns:
    """Return the columns that options name; the simulator's features where none are."""
    return Columns(features or CONSENSUS_COLUMNS.features, label, (), time, group, kind)


def folds(options: DataOptions, timesteps: int) -> Folds:
    """Return what to train, tune and test on."""
    if options.data is None:
        return simulated_folds(options.seed, options.difficulty, timesteps, options.sizes)
    table = read_csv(options.data, options.columns)
    return folds_of_table(table, options.columns, timesteps, split=options.split, seed=options.seed)


def test_sets(options: DataOptions, timesteps: int) -> tuple[TestSet, ...]:
    """Return what to test on: the whole table of a file, or the simulator's tests. InputError without a label."""
    if options.data is None:
        return simulated_folds(options.seed, options.difficulty, timesteps, options.sizes).tests
    if options.columns.label is None:
        raise InputError(f"{options.data}: to evaluate is to compare with labels; name their column with --label")
    table = read_csv(options.data, options.columns)
    return (TestSet(options.data.name, cut_windows(table, options.columns, timesteps, timesteps)),)

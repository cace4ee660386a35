"""What a model is trained, tuned and tested on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dwcpc.models.data.columns import Columns
from dwcpc.models.data.consensus.metrics import FEATURES
from dwcpc.models.data.consensus.simulate import (
    GROUP,
    KIND,
    LABEL,
    TIME,
    ConsensusSimulation,
    simulate_consensus,
)
from dwcpc.models.data.splits import Parts, split_by_group, split_by_time
from dwcpc.models.data.table import Table, stacked
from dwcpc.models.data.windows import Windows, cut_windows

CONSENSUS_COLUMNS: Final = Columns(FEATURES, label=LABEL, time=TIME, group=GROUP, kind=KIND)

VALIDATION_SEED: Final = 100_000
"""Added to the seed for nodes that are in validation alone; twice and thrice that for nodes that are in tests alone."""

TRAIN_STRIDE_SHARE: Final = 0.5
"""Of a window's length; windows to validate and test on do not overlap."""


@dataclass(frozen=True, slots=True)
class TestSet:
    """Windows that neither training nor the threshold has seen, edge windows among them."""

    __test__ = False  # pytest takes it for a test

    name: str
    windows: Windows


@dataclass(frozen=True, slots=True)
class Folds:
    """Windows without edges to train on and to choose by, and tests; `labelled` is whether anomalies are known."""

    columns: Columns
    train: Windows
    validation: Windows
    tests: tuple[TestSet, ...]
    labelled: bool


@dataclass(frozen=True, slots=True)
class ConsensusSizes:
    """Nodes of each simulated table and their steps: those trained on, those that are in validation or a test alone."""

    train_nodes: int = 96
    other_nodes: int = 12
    steps: int = 11_520


def simulated_folds(seed: int, difficulty: float, timesteps: int, sizes: ConsensusSizes | None = None) -> Folds:
    """Simulate consensus groups: tests are later times of the nodes trained on, and other seeds' nodes."""
    sizes = sizes or ConsensusSizes()
    known = split_by_time(_nodes(seed, difficulty, sizes.train_nodes, sizes.steps), CONSENSUS_COLUMNS)
    others = _nodes(seed + VALIDATION_SEED, difficulty, sizes.other_nodes, sizes.steps)
    return _folds(
        Parts(known.train, stacked([known.validation, others]), known.test),
        CONSENSUS_COLUMNS,
        timesteps,
        tests={"later": known.test, **unseen_tables(seed, difficulty, sizes)},
    )


def unseen_tables(seed: int, difficulty: float, sizes: ConsensusSizes) -> dict[str, Table]:
    """Return other nodes of the same difficulty, of a higher one and of a lower one."""
    harder, easier = min(difficulty + 0.2, 1.0), max(difficulty - 0.2, 0.0)
    return {
        "other nodes": _nodes(seed + 2 * VALIDATION_SEED, difficulty, sizes.other_nodes, sizes.steps),
        f"harder, {harder:g}": _nodes(seed + 3 * VALIDATION_SEED, harder, sizes.other_nodes, sizes.steps),
        f"easier, {easier:g}": _nodes(seed + 4 * VALIDATION_SEED, easier, sizes.other_nodes, sizes.steps),
    }


def nobodys_nodes(seed: int, difficulty: float, sizes: ConsensusSizes) -> Table:
    """Return nodes that are in no part of the data."""
    return _nodes(seed + 5 * VALIDATION_SEED, difficulty, sizes.other_nodes, sizes.steps)


def folds_of_table(table: Table, columns: Columns, timesteps: int, *, split: str, seed: int) -> Folds:
    """Split a table by `time` or by `group`, and cut its windows."""
    parts = split_by_group(table, columns, seed) if split == "group" else split_by_time(table, columns)
    return _folds(parts, columns, timesteps, tests={"test": parts.test})


def _folds(parts: Parts, columns: Columns, timesteps: int, *, tests: dict[str, Table]) -> Folds:
    stride = max(1, round(TRAIN_STRIDE_SHARE * timesteps))
    return Folds(
        columns=columns,
        train=cut_windows(parts.train, columns, timesteps, stride).clear(),
        validation=cut_windows(parts.validation, columns, timesteps, timesteps).clear(),
        tests=tuple(TestSet(name, cut_windows(table, columns, timesteps, timesteps)) for name, table in tests.items()),
        labelled=columns.label is not None,
    )


def _nodes(seed: int, difficulty: float, nodes: int, steps: int) -> Table:
    return simulate_consensus(ConsensusSimulation(seed, nodes, steps, difficulty))

"""Rows of nodes, from a table or a simulated fleet, and the fleets that a model is judged on besides."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dwcpc.compiler.features.shipped import named_spec
from dwcpc.models.data.labelled import LabelledRows, keyed_by, labelled_rows, read_labelled
from dwcpc.models.data.node_baselines import INTERVAL_S
from dwcpc.models.data.nodes import CAUSE, LABEL, Fleet, simulate_nodes
from dwcpc.models.data.row_windows import ending_windows
from dwcpc.models.data.series_split import Split, split_rows

SPEC: Final = "node_reliability_123"
"""The features that a model of nodes takes where nothing else is said."""

ANOTHER_SEED: Final = 1_000_003  # added to the fleet's
HARDER: Final = (1.0, 1.25, 1.5)  # times the fleet's difficulty: what the model was not made for

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class GivenTable:
    """A file, instead of a simulated fleet; time and group of None are the specification's."""

    path: Path
    label: str
    time: str | None = None
    group: str | None = None


def rows_of(source: GivenTable | Fleet, spec_name: str, say: Say) -> LabelledRows:
    """Return the rows of a table, or of a simulated fleet, with the features of the specification."""
    spec = named_spec(spec_name)
    if isinstance(source, Fleet):
        say(f"simulating {source.nodes} nodes, {source.samples} samples each")
        return labelled_rows(spec, simulate_nodes(source), LABEL, CAUSE)
    say(f"reading {source.path}")
    return read_labelled(source.path, keyed_by(spec, source.time, source.group), source.label)


def split_of(rows: LabelledRows, seed: int, timesteps: int = 1) -> Split:
    """Return the parts of the rows; of rows that end a window of `timesteps`, where a model takes windows."""
    split = split_rows(rows.time, rows.group, seed)
    return split if timesteps <= 1 else ending_windows(split, rows, timesteps)


def other_fleets(fleet: Fleet) -> list[Fleet]:
    """Return fleets that differ by seed, and by seed and difficulty."""
    return [
        dataclasses.replace(fleet, seed=fleet.seed + ANOTHER_SEED + at, difficulty=fleet.difficulty * factor)
        for at, factor in enumerate(HARDER)
    ]


def described(source: GivenTable | Fleet) -> str:
    """Return what a report calls the rows."""
    if isinstance(source, GivenTable):
        return source.path.name
    hours = source.samples * INTERVAL_S / 3600
    return f"simulated: {source.nodes} nodes for {hours:g} hours, seed {source.seed}, difficulty {source.difficulty:g}"

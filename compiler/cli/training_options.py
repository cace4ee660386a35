"""Options of the commands that train or evaluate: which data, and what its columns are."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from dwcpc.compiler.cli.options import FILE, SEED, added, listed

if TYPE_CHECKING:
    from dwcpc.compiler.commands.training_data import DataOptions
    from dwcpc.models.training.options import FitOptions

DATA_OPTIONS = (
    click.option("--data", type=FILE, help="A .csv table.  [default: simulated]"),
    click.option("--features", help="Its columns that go into the model, in order, with commas between them."),
    click.option("--label", help="Its column that is 1 where something is wrong, else 0."),
    click.option("--time", help="Its column that orders the rows of a group.  [default: as they stand]"),
    click.option("--group", help="Its column that says whose a row is.  [default: one series]"),
    click.option("--kind", help="Its column that names what is wrong, for the report."),
    click.option(
        "--split", type=click.Choice(["time", "group"]), default="time", show_default=True, help="How it is split."
    ),
    click.option("--seed", type=SEED, default=42, show_default=True, help="Of the simulator and of the training."),
    click.option(
        "--difficulty",
        type=click.FloatRange(0, 1),
        default=0.5,
        show_default=True,
        help="Of the simulated data: weaker faults, more noise, more bursts.",
    ),
    click.option("--nodes", type=click.IntRange(min=3), help="Simulated nodes to train on.  [default: 96]"),
    click.option("--steps", type=click.IntRange(min=200), help="Simulated steps of a node, of 30 s.  [default: 11520]"),
)

DATA_NAMES = (
    *("data", "features", "label", "time", "group", "kind"),
    *("split", "seed", "difficulty", "nodes", "steps"),
)
TABLE_OPTIONS = ("features", "label", "time", "group", "kind")


COMPILE_OPTIONS = (
    click.option(
        "--compile", "compile_", is_flag=True, help="Compile the model too, and judge its bundles through Go."
    ),
    click.option(
        "--target",
        "compiled_for",
        multiple=True,
        default=("cpu-fp32",),
        show_default=True,
        help="Of --compile; repeatable.",
    ),
)


def compile_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what a training does with the model that it leaves."""
    return added(command, COMPILE_OPTIONS)


def chosen_targets(options: dict[str, Any]) -> tuple[str, ...]:
    """Return the targets to compile for; none where nothing is to be compiled."""
    return tuple(options["compiled_for"]) if options["compile_"] else ()


def data_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command."""
    return added(command, DATA_OPTIONS)


def fit_options(options: dict[str, Any]) -> FitOptions:
    """Return those of `options` that say how a network is fitted."""
    from dwcpc.models.training.options import FitOptions

    return FitOptions(
        **{field.name: options[field.name] for field in dataclasses.fields(FitOptions) if field.name in options}
    )


def chosen_data(options: dict[str, Any]) -> DataOptions:
    """Return what the options say; a table has the simulator's features unless others are named."""
    given = [name for name in TABLE_OPTIONS if options[name] is not None]
    if options["data"] is None and given:
        raise click.UsageError(f"--{given[0]} names a column of a table, and there is none; give --data FILE.csv")
    from dwcpc.compiler.commands.training_data import DataOptions, columns_of
    from dwcpc.models.training.folds import CONSENSUS_COLUMNS, ConsensusSizes

    columns = columns_of(
        listed(options["features"]), options["label"], options["time"], options["group"], options["kind"]
    )
    if options["data"] is None:
        columns = CONSENSUS_COLUMNS
    default = ConsensusSizes()
    nodes = options["nodes"] or default.train_nodes
    sizes = ConsensusSizes(nodes, min(nodes, default.other_nodes), options["steps"] or default.steps)
    return DataOptions(options["data"], columns, options["split"], options["seed"], options["difficulty"], sizes)

"""Options of the commands that train or tune node reliability: a table, or a simulated fleet."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from dwcpc.compiler.cli.options import FILE, SEED, added, refuse_other_source

if TYPE_CHECKING:
    from dwcpc.compiler.commands.node_data import GivenTable
    from dwcpc.models.data.nodes import Fleet

NODE_DATA_OPTIONS = (
    click.option("--data", type=FILE, help="A .csv of raw samples with a label.  [default: a simulated fleet]"),
    click.option("--label", default="label", show_default=True, help="With --data: the column of 0 and 1."),
    click.option("--time", help="With --data: the column of times.  [default: as the specification says]"),
    click.option("--group", help="With --data: the column of nodes.  [default: as the specification says]"),
    click.option(
        "--spec",
        default="node_reliability_123",
        show_default=True,
        help="Features: a file, or a name of `dwcpc features show`.",
    ),
    click.option("--seed", type=SEED, default=42, show_default=True, help="Of split and training, and the fleet's."),
    click.option(
        "--difficulty",
        type=click.FloatRange(0.1, 10.0),
        default=1.0,
        show_default=True,
        help="Of the fleet: divides what incidents do, multiplies noise.",
    ),
    click.option("--nodes", type=click.IntRange(3, 100_000), default=240, show_default=True, help="Of the fleet."),
    click.option("--samples", type=click.IntRange(30, 10**6), default=1200, show_default=True, help="Of each node."),
)
NODE_DATA_NAMES = ("data", "label", "time", "group", "spec", "seed", "difficulty", "nodes", "samples")


def node_data_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command."""
    return added(command, NODE_DATA_OPTIONS)


def chosen_source(context: click.Context, options: dict[str, Any]) -> GivenTable | Fleet:
    """Return what the options say; refuse those of the other source of data."""
    given = options["data"] is not None
    refuse_other_source(
        context,
        given=given,
        of_a_table=("label", "time", "group"),
        of_the_simulator=("difficulty", "nodes", "samples"),
        simulator="a simulated fleet",
    )
    from dwcpc.compiler.commands.node_data import GivenTable
    from dwcpc.models.data.nodes import Fleet

    if given:
        return GivenTable(options["data"], options["label"], options["time"], options["group"])
    return Fleet(options["nodes"], options["samples"], options["seed"], options["difficulty"])

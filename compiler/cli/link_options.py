"""Options of the commands that train or evaluate forecasters of links: which data, and what its columns are."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from dwcpc.compiler.cli.options import FILE, SEED, added, listed, refuse_other_source

if TYPE_CHECKING:
    from dwcpc.compiler.commands.link_data import LinkData

FORECAST_OPTIONS = (
    click.option(
        "--spec",
        metavar="SPEC",
        help="Features: a file, or a name of `dwcpc features show`.  [default: bandwidth_predictor]",
    ),
    click.option("--targets", help="With --data: the columns to predict, of bandwidth, latency, loss and jitter."),
    click.option("--last", help="Columns that say what each target was last, for persistence.  [default: the targets]"),
    click.option("--horizon", type=click.IntRange(1, 1000), help="Samples ahead, of the same link.  [default: 1]"),
    click.option("--links", type=click.IntRange(min=3), help="Simulated links to train on.  [default: 300]"),
)
"""What only forecasters of links take."""

LINK_OPTIONS = (
    click.option("--data", type=FILE, help="A .csv table of samples.  [default: simulated links]"),
    click.option("--features", help="Instead of --spec: columns that go into the model as they are, with commas."),
    *FORECAST_OPTIONS,
    click.option("--time", help="With --data: its column of times, numbers or RFC 3339.  [default: the features']"),
    click.option("--group", help="With --data: its column that says whose a row is.  [default: the features']"),
    click.option("--split", type=click.Choice(["time", "group"]), default="time", show_default=True, help="Of --data."),
    click.option("--seed", type=SEED, default=42, show_default=True, help="Of the simulator and of the training."),
    click.option(
        "--difficulty",
        type=click.FloatRange(0, 1),
        default=0.5,
        show_default=True,
        help="Of the simulated links: noisier probes, more congestion, more rain.",
    ),
    click.option("--steps", type=click.IntRange(min=200), help="Simulated minutes of a link.  [default: 2880]"),
    click.option(
        "--varied",
        type=click.IntRange(0, 100),
        default=4,
        show_default=True,
        help="For each simulated link so many shorter ones, beyond the tests' ranges, are trained on too.",
    ),
)
LINK_DATA_NAMES = (
    *("data", "features", "spec", "targets", "last", "horizon", "links", "time", "group"),
    *("split", "seed", "difficulty", "steps", "varied"),
)
OF_A_TABLE = ("targets", "last", "time", "group")
OF_THE_SIMULATOR = ("difficulty", "links", "steps", "varied")


def link_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add all of the options to a command."""
    return added(command, LINK_OPTIONS)


def forecast_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add those that a command with options for any table does not have."""
    return added(command, FORECAST_OPTIONS)


def chosen_links(context: click.Context, options: dict[str, Any]) -> LinkData:
    """Return what the options say; options of the other source of data are bad usage."""
    refuse_other_source(
        context,
        given=options["data"] is not None,
        of_a_table=OF_A_TABLE,
        of_the_simulator=OF_THE_SIMULATOR,
        simulator="the simulator",
    )
    if options["spec"] is not None and options["features"] is not None:
        raise click.UsageError("--spec and --features both say what goes into the model; give one of them")
    from dwcpc.compiler.commands.link_data import LinkData
    from dwcpc.models.training.link_folds import LinkSizes, LinkWorld

    default = LinkSizes()
    links = options["links"] or default.train_links
    sizes = LinkSizes(
        train_links=links,
        other_links=min(links, default.other_links),
        steps=options["steps"] or default.steps,
        varied_per_link=options.get("varied", default.varied_per_link),
    )
    return LinkData(
        data=options["data"],
        spec=options["spec"],
        features=listed(options["features"]),
        targets=listed(options["targets"]),
        last=listed(options["last"]),
        horizon=options["horizon"],
        time=options["time"],
        group=options["group"],
        split=options["split"],
        seed=options["seed"],
        world=LinkWorld(options["seed"], options["difficulty"], sizes),
    )

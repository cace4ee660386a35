"""`dwcpc train nodes`: options in, a trained model and its report out."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import click

from dwcpc.compiler.cli.options import FILE, SEED
from dwcpc.compiler.cli.output import Output

if TYPE_CHECKING:
    from pathlib import Path


@click.command("nodes", short_help="Node reliability: XGBoost, forests.")
@click.option("--data", type=FILE, help="A .csv of raw samples with a label.  [default: a simulated fleet]")
@click.option("--label", default="label", show_default=True, help="With --data: the column of 0 and 1.")
@click.option("--time", help="With --data: the column of times.  [default: as the specification says]")
@click.option("--group", help="With --data: the column of nodes.  [default: as the specification says]")
@click.option(
    "--spec",
    default="node_reliability_123",
    show_default=True,
    help="Features: a file, or a name of `dwcpc features show`.",
)
@click.option("--model", type=click.Choice(["xgboost", "forest", "isolation"]), default="xgboost", show_default=True)
@click.option(
    "--features",
    type=click.Choice(["all", "best"]),
    default="all",
    show_default=True,
    help="Of the specification: all, or the 36 that matter most and say different things.",
)
@click.option("--trees", type=click.IntRange(1, 100_000), help="Number of trees.  [default: the model's own]")
@click.option("--depth", type=click.IntRange(1, 64), help="Depth of a tree.  [default: the model's own]")
@click.option(
    "--learning-rate", type=click.FloatRange(0, 1, min_open=True), help="XGBoost's.  [default: the model's own]"
)
@click.option("--seed", type=SEED, default=42, show_default=True, help="Of split and training, and the fleet's.")
@click.option(
    "--difficulty",
    type=click.FloatRange(0.1, 10.0),
    default=1.0,
    show_default=True,
    help="Of the fleet: divides what incidents do, multiplies noise.",
)
@click.option("--nodes", type=click.IntRange(3, 100_000), default=240, show_default=True, help="Of the fleet.")
@click.option("--samples", type=click.IntRange(30, 10**6), default=1200, show_default=True, help="Of each node.")
@click.option("--compile", "compile_", is_flag=True, help="Compile the model too, and judge the bundle through Go.")
@click.option("--out", type=FILE, default="trained/nodes", show_default=True, help="Folder for model and report.")
@click.pass_context
def nodes(context: click.Context, /, **options: Any) -> None:
    """Train node reliability, choose a threshold on validation nodes, and judge on others at later times.

    OUT gets the model, scaler.json and features.json, which `dwcpc compile` and `dwcpc features run` take,
    and TRAINING_REPORT.json.
    """
    from dwcpc.compiler.commands.train_nodes import GivenTable, TrainNodesOrder, train_nodes
    from dwcpc.models.data.nodes import Fleet
    from dwcpc.models.training.node_table import described
    from dwcpc.models.training.nodes import NodeRecipe

    output: Output = context.obj
    data: Path | None = options["data"]
    _check(context, given=data is not None)
    fleet = Fleet(options["nodes"], options["samples"], options["seed"], options["difficulty"])
    source = fleet if data is None else GivenTable(data, options["label"], options["time"], options["group"])
    given = {name: options[name] for name in ("model", "features", "seed", "trees", "depth", "learning_rate")}
    recipe = NodeRecipe(**given)
    order = TrainNodesOrder(source, options["spec"], recipe, options["out"], options["compile_"])
    report = train_nodes(order, output.progress)
    output.result(described(report, options["out"]), dataclasses.asdict(report))


def _check(context: click.Context, *, given: bool) -> None:
    """Refuse options of the other source of data."""
    alien = ("difficulty", "nodes", "samples") if given else ("label", "time", "group")
    for name in alien:
        if context.get_parameter_source(name) == click.core.ParameterSource.COMMANDLINE:
            remedy = "omit it" if given else "give --data too"
            raise click.UsageError(f"--{name}: belongs to {'a simulated fleet' if given else '--data'}; {remedy}")

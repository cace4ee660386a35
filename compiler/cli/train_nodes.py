"""`dwcpc train nodes`: options in, a trained model and its report out."""

from __future__ import annotations

import dataclasses
from typing import Any

import click

from dwcpc.compiler.cli.node_data_options import chosen_source, node_data_options
from dwcpc.compiler.cli.options import FILE
from dwcpc.compiler.cli.output import Output


@click.command("nodes", short_help="Node reliability: XGBoost, forests.")
@node_data_options
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
@click.option("--compile", "compile_", is_flag=True, help="Compile the model too, and judge the bundle through Go.")
@click.option("--out", type=FILE, default="trained/nodes", show_default=True, help="Folder for model and report.")
@click.pass_context
def nodes(context: click.Context, /, **options: Any) -> None:
    """Train node reliability, choose a threshold on validation nodes, and judge on others at later times.

    OUT gets the model, scaler.json and features.json, which `dwcpc compile` and `dwcpc features run` take,
    and TRAINING_REPORT.json.
    """
    source = chosen_source(context, options)
    from dwcpc.compiler.commands.train_nodes import TrainNodesOrder, train_nodes
    from dwcpc.models.training.node_table import described
    from dwcpc.models.training.nodes import NodeRecipe

    output: Output = context.obj
    given = {name: options[name] for name in ("model", "features", "seed", "trees", "depth", "learning_rate")}
    order = TrainNodesOrder(source, options["spec"], NodeRecipe(**given), options["out"], options["compile_"])
    report = train_nodes(order, output.progress)
    output.result(described(report, options["out"]), dataclasses.asdict(report))

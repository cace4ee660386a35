"""`dwcpc train nodes`: options in, a trained model and its report out."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import click

from dwcpc.compiler.cli.node_data_options import chosen_source, node_data_options
from dwcpc.compiler.cli.options import FILE, added, on_the_command_line
from dwcpc.compiler.cli.output import Output
from dwcpc.compiler.cli.training_options import chosen_targets, compile_options, fit_options

if TYPE_CHECKING:
    from dwcpc.models.training.node_detector import DetectorRecipe
    from dwcpc.models.training.nodes import NodeRecipe

NETWORK = "conv-lstm"
TREE_OPTIONS = (
    click.option("--trees", type=click.IntRange(1, 100_000), help="Number of trees.  [default: the model's own]"),
    click.option("--depth", type=click.IntRange(1, 64), help="Depth of a tree.  [default: the model's own]"),
)
NETWORK_OPTIONS = (
    click.option(
        "--timesteps", type=click.IntRange(2, 1000), default=60, show_default=True, help="conv-lstm: of a window."
    ),
    click.option("--epochs", type=click.IntRange(1, 10_000), default=6, show_default=True, help="conv-lstm's."),
    click.option("--batch-rows", type=click.IntRange(1, 65_536), default=256, show_default=True, help="conv-lstm's."),
    click.option("--weight-decay", type=click.FloatRange(0, 1), default=1e-3, show_default=True, help="conv-lstm's."),
    click.option(
        "--noise",
        type=click.FloatRange(0, 10),
        default=0.1,
        show_default=True,
        help="conv-lstm: added to scaled inputs.",
    ),
    click.option(
        "--threads", type=click.IntRange(1, 256), default=1, show_default=True, help="conv-lstm's: part of the result."
    ),
    click.option("--resume", type=FILE, metavar="RUN", help="conv-lstm: go on where this run, or checkpoint, ended."),
)
TREE_NAMES = ("trees", "depth")
NETWORK_NAMES = ("timesteps", "epochs", "batch_rows", "weight_decay", "noise", "threads", "resume")


@click.command("nodes", short_help="Node reliability: XGBoost, forests, a network.")
@node_data_options
@click.option(
    "--model",
    type=click.Choice(["xgboost", "forest", "isolation", NETWORK]),
    default="xgboost",
    show_default=True,
    help="Trees, or a convolution and an LSTM over the last samples.",
)
@click.option(
    "--features",
    type=click.Choice(["all", "best", "momentary"]),
    help="Of the specification: all, the 36 that matter most and say different things, or those that read one sample "
    "alone.  [default: all; conv-lstm: momentary]",
)
@click.option(
    "--learning-rate",
    type=click.FloatRange(0, 1, min_open=True),
    help="XGBoost's, or the network's.  [default: the model's own]",
)
@lambda command: added(command, (*TREE_OPTIONS, *NETWORK_OPTIONS))
@compile_options
@click.option("--out", type=FILE, default="trained/nodes", show_default=True, help="Folder for model and report.")
@click.pass_context
def nodes(context: click.Context, /, **options: Any) -> None:
    """Train node reliability, choose a threshold on validation nodes, and judge on others at later times.

    OUT gets the model, scaler.json and features.json, which `dwcpc compile` and `dwcpc features run` take,
    and TRAINING_REPORT.json.
    """
    source = chosen_source(context, options)
    _refuse_other_model(context, options["model"])
    from dwcpc.compiler.commands.train_nodes import TrainNodesOrder, train_nodes
    from dwcpc.models.training.node_table import described

    output: Output = context.obj
    order = TrainNodesOrder(
        source=source,
        spec=options["spec"],
        recipe=_network(options) if options["model"] == NETWORK else _trees(options),
        out=options["out"],
        targets=chosen_targets(options),
        resume=options["resume"],
    )
    report = train_nodes(order, output.progress)
    output.result(described(report, options["out"]), dataclasses.asdict(report))


def _refuse_other_model(context: click.Context, model: str) -> None:
    for name in on_the_command_line(context, TREE_NAMES if model == NETWORK else NETWORK_NAMES):
        owner = "trees" if model == NETWORK else f"--model {NETWORK}"
        raise click.UsageError(f"--{name.replace('_', '-')}: belongs to {owner}, and the model is {model}; omit it")


def _trees(options: dict[str, Any]) -> NodeRecipe:
    from dwcpc.models.training.nodes import NodeRecipe

    given = {name: options[name] for name in ("model", "seed", "trees", "depth", "learning_rate")}
    return NodeRecipe(**given, features=options["features"] or "all")


def _network(options: dict[str, Any]) -> DetectorRecipe:
    from dwcpc.models.training.node_detector import FIT, DetectorRecipe

    rate = options["learning_rate"] or FIT.learning_rate
    return DetectorRecipe(
        features=options["features"] or "momentary",
        timesteps=options["timesteps"],
        noise=options["noise"],
        fit=fit_options({**options, "learning_rate": rate}),
    )

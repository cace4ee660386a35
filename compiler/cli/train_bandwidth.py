"""`dwcpc train bandwidth`: options in, one result out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dwcpc.compiler.cli.link_options import chosen_links, link_options
from dwcpc.compiler.cli.options import FILE
from dwcpc.compiler.cli.output import Output
from dwcpc.compiler.cli.training_options import chosen_targets, compile_options, fit_options


@click.command("bandwidth", short_help="Links: bandwidth, latency, loss and jitter by an LSTM with attention.")
@link_options
@click.option("--out", type=FILE, help="Folder of the run.  [default: runs/bandwidth]")
@click.option("--resume", type=FILE, metavar="RUN", help="Go on where this run, or this checkpoint, was interrupted.")
@click.option("--units", type=click.Choice(["tiny", "small", "current", "large"]), default="small", show_default=True)
@click.option("--timesteps", type=click.IntRange(2, 1000), default=20, show_default=True, help="Of a window.")
@click.option("--epochs", type=click.IntRange(1, 10_000), default=16, show_default=True)
@click.option("--batch-rows", type=click.IntRange(1, 65_536), default=256, show_default=True)
@click.option("--learning-rate", type=click.FloatRange(0, 1, min_open=True), default=4e-3, show_default=True)
@click.option("--weight-decay", type=click.FloatRange(0, 1), default=1e-4, show_default=True)
@click.option("--schedule", type=click.Choice(["cosine", "plateau"]), default="cosine", show_default=True)
@click.option("--patience", type=click.IntRange(min=1), default=8, show_default=True, help="Epochs, then it stops.")
@click.option("--dropout", type=click.FloatRange(0, 0.9), default=0.0, show_default=True, help="The owners had 0.2.")
@click.option("--noise", type=click.FloatRange(0, 10), default=0.0, show_default=True, help="Added to scaled inputs.")
@click.option(
    "--relative-weight",
    type=click.FloatRange(0, 1),
    default=0.003,
    show_default=True,
    help="Of the relative error in the loss: small links count.",
)
@click.option(
    "--bypass/--no-bypass",
    default=True,
    show_default=True,
    help="A linear path around the network, where it lowers the validation loss.",
)
@click.option("--threads", type=click.IntRange(1, 256), default=1, show_default=True, help="Part of the result.")
@compile_options
@click.option("--min-sqnr", type=click.FloatRange(1, 150), help="Of --compile, as `dwcpc compile` has it.")
@click.pass_context
def bandwidth(context: click.Context, /, **options: Any) -> None:
    """Train the bandwidth model: weights, scalers, features, checkpoints, history, report, logs and plots in a folder.

    It is judged on later times, on links of other seeds and on other difficulties, beside persistence and a linear
    forecast of the same window. docs/training_bandwidth.md has the recipe.
    """
    from dwcpc.compiler.commands.train_bandwidth import TrainBandwidthOrder, train_bandwidth_model
    from dwcpc.models.training.bandwidth import BandwidthRecipe
    from dwcpc.models.training.report import plain

    output: Output = context.obj
    recipe = BandwidthRecipe(
        units=options["units"],
        timesteps=options["timesteps"],
        relative_weight=options["relative_weight"],
        noise=options["noise"],
        dropout=options["dropout"],
        bypass=options["bypass"],
        fit=fit_options(options),
    )
    order = TrainBandwidthOrder(
        recipe=recipe,
        data=chosen_links(context, options),
        out=options["out"] or Path("runs", "bandwidth"),
        resume=options["resume"],
        targets=chosen_targets(options),
        min_sqnr_db=options["min_sqnr"],
    )
    result = train_bandwidth_model(order, output.progress)
    output.result(result.text, plain(result))

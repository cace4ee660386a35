"""`dwcpc train consensus`: options in, one result out."""

from __future__ import annotations

from typing import Any

import click

from dwcpc.compiler.cli.federated_options import chosen_federation, federated_options
from dwcpc.compiler.cli.options import FILE
from dwcpc.compiler.cli.output import Output
from dwcpc.compiler.cli.training_options import chosen_data, data_options, fit_options


@click.command("consensus", short_help="Consensus latency: an autoencoder with attention.")
@data_options
@click.option("--out", type=FILE, help="Folder of the run.  [default: runs/consensus]")
@click.option("--resume", type=FILE, metavar="RUN", help="Go on where this run, or this checkpoint, was interrupted.")
@click.option("--objective", type=click.Choice(["exposure", "reconstruction"]), default="exposure", show_default=True)
@click.option("--units", type=click.Choice(["tiny", "small", "current", "large"]), default="small", show_default=True)
@click.option(
    "--encoding", type=click.IntRange(1, 512), default=16, show_default=True, help="The owners tried 8 to 32."
)
@click.option("--timesteps", type=click.IntRange(2, 1000), default=30, show_default=True, help="Of a window.")
@click.option("--epochs", type=click.IntRange(1, 10_000), default=14, show_default=True)
@click.option("--batch-rows", type=click.IntRange(1, 65_536), default=128, show_default=True)
@click.option("--learning-rate", type=click.FloatRange(0, 1, min_open=True), default=4e-3, show_default=True)
@click.option("--weight-decay", type=click.FloatRange(0, 1), default=1e-4, show_default=True)
@click.option("--schedule", type=click.Choice(["cosine", "plateau"]), default="cosine", show_default=True)
@click.option("--patience", type=click.IntRange(min=1), default=6, show_default=True, help="Epochs, then it stops.")
@click.option("--focal-gamma", type=click.FloatRange(0, 10), default=0.0, show_default=True, help="0: cross entropy.")
@click.option("--class-weights", is_flag=True, help="Weigh anomalies by how rare they are.")
@click.option("--augment", is_flag=True, help="Changed copies of the rarer kinds of anomaly.")
@click.option("--noise", type=click.FloatRange(0, 10), default=0.05, show_default=True, help="For denoising, scaled.")
@click.option(
    "--restraint",
    type=click.FloatRange(0, 10),
    default=0.03,
    show_default=True,
    help="What an anomaly's score costs with the objective exposure; 0 gives a steep network that int8 cannot keep.",
)
@click.option(
    "--quantile", type=click.FloatRange(0, 1), help="The threshold: this quantile of normal validation scores."
)
@click.option(
    "--ensemble", "members", type=click.IntRange(1, 100), default=1, show_default=True, help="Seeds from --seed on."
)
@click.option(
    "--leave-out",
    multiple=True,
    metavar="KIND",
    help="Never show it this kind of anomaly, and see in the tests what it finds of it; may be repeated.",
)
@click.option("--threads", type=click.IntRange(1, 256), default=1, show_default=True, help="Part of the result.")
@click.option(
    "--processes",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Share every batch of one large model, on a GPU each where there are any.",
)
@federated_options
@click.pass_context
def consensus(context: click.Context, /, **options: Any) -> None:
    """Train the consensus model: weights, scaler, threshold, checkpoints, history, report, logs and plots in a folder.

    The threshold is chosen on validation windows: where they are labelled, by them. docs/training.md has the recipe,
    docs/federated.md what --federated does and what crosses between its server and clients.
    """
    from pathlib import Path

    from dwcpc.compiler.commands.train import TrainOrder, train_consensus_model
    from dwcpc.compiler.commands.train_federated import train_federated_model
    from dwcpc.models.training.consensus import ConsensusRecipe
    from dwcpc.models.training.report import plain

    output: Output = context.obj
    federation = chosen_federation(context, options)
    recipe = ConsensusRecipe(
        objective=options["objective"],
        units=options["units"],
        encoding=options["encoding"],
        timesteps=options["timesteps"],
        focal_gamma=options["focal_gamma"],
        positive_weight=None if options["class_weights"] else 1.0,
        noise=options["noise"],
        restraint=options["restraint"],
        augment=options["augment"],
        threshold_by="labels" if options["quantile"] is None else "quantile",
        leave_out=options["leave_out"],
        share_normal=0.99 if options["quantile"] is None else options["quantile"],
        fit=fit_options(options),
    )
    out = options["out"] or Path("runs", "consensus")
    order = TrainOrder(recipe, chosen_data(options), out, options["resume"], options["members"])
    result = (
        train_consensus_model(order, output.progress)
        if federation is None
        else train_federated_model(order, federation, output.progress)
    )
    output.result(result.text, plain(result))

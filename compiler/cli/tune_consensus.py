"""`dwcpc tune consensus`: options in, a study out."""

from __future__ import annotations

from typing import Any

import click

from dwcpc.compiler.cli.training_options import DATA_NAMES, chosen_data, data_options
from dwcpc.compiler.cli.tuning_options import run_study, tuning_options

UNITS = ("tiny", "small", "current", "large")


@click.command("consensus", short_help="Sizes and training of the autoencoder.")
@data_options
@click.option("--units", type=click.Choice(UNITS), multiple=True, default=UNITS[:3], show_default=True, help="To try.")
@click.option(
    "--encoding", "encodings", type=click.IntRange(1, 512), multiple=True, default=(8, 16, 24, 32), show_default=True
)
@click.option(
    "--batch-rows", "batches", type=click.IntRange(1, 65_536), multiple=True, default=(64, 128, 256), show_default=True
)
@click.option("--objective", type=click.Choice(["exposure", "reconstruction"]), default="exposure", show_default=True)
@click.option("--timesteps", type=click.IntRange(2, 1000), default=30, show_default=True, help="Of a window.")
@click.option("--epochs", type=click.IntRange(1, 10_000), default=14, show_default=True, help="Of a trial.")
@click.option("--patience", type=click.IntRange(min=1), default=6, show_default=True, help="Epochs, then it stops.")
@click.option("--threads", type=click.IntRange(1, 256), default=1, show_default=True, help="Part of the result.")
@tuning_options
@click.pass_context
def consensus(context: click.Context, /, **options: Any) -> None:
    """Search sizes, learning rate, weight decay, batch, noise and augmentation of the consensus model.

    Two objectives: PR-AUC of the validation windows, and the compiled model's latency through Go. docs/tuning.md says
    how trials are pruned, and what a latency is measured in.
    """
    data = chosen_data(options)
    from dwcpc.compiler.commands.tuning_data import ConsensusSource
    from dwcpc.models.training.consensus import ConsensusRecipe
    from dwcpc.models.training.options import FitOptions
    from dwcpc.models.tuning.consensus import ConsensusSpace

    fit = FitOptions(
        seed=options["seed"], epochs=options["epochs"], patience=options["patience"], threads=options["threads"]
    )
    recipe = ConsensusRecipe(objective=options["objective"], timesteps=options["timesteps"], fit=fit)
    choices = options["units"], options["encodings"], options["batches"]
    space = ConsensusSpace(recipe, *choices, len(data.columns.features))
    run_study(context, options, space, ConsensusSource(data, recipe.timesteps), DATA_NAMES)

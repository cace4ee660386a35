"""`dwcpc tune bandwidth`: options in, a study out."""

from __future__ import annotations

from typing import Any

import click

from dwcpc.compiler.cli.link_options import LINK_DATA_NAMES, chosen_links, link_options
from dwcpc.compiler.cli.tuning_options import run_study, tuning_options

UNITS = ("tiny", "small", "current", "large")


@click.command("bandwidth", short_help="Sizes and training of the forecaster of links.")
@link_options
@click.option("--units", type=click.Choice(UNITS), multiple=True, default=UNITS[:3], show_default=True, help="To try.")
@click.option(
    "--batch-rows", "batches", type=click.IntRange(1, 65_536), multiple=True, default=(128, 256, 512), show_default=True
)
@click.option("--timesteps", type=click.IntRange(2, 1000), default=20, show_default=True, help="Of a window.")
@click.option("--epochs", type=click.IntRange(1, 10_000), default=16, show_default=True, help="Of a trial.")
@click.option("--patience", type=click.IntRange(min=1), default=8, show_default=True, help="Epochs, then it stops.")
@click.option(
    "--relative-weight",
    type=click.FloatRange(0, 1),
    default=0.003,
    show_default=True,
    help="Of the relative error in the loss: small links count.",
)
@click.option("--threads", type=click.IntRange(1, 256), default=1, show_default=True, help="Part of the result.")
@tuning_options
@click.pass_context
def bandwidth(context: click.Context, /, **options: Any) -> None:
    """Search sizes, learning rate, weight decay, batch, dropout and noise of the bandwidth model.

    Two objectives: skill on the validation windows, which is the share of persistence's mean error that the model
    saves, averaged over the four targets, and the compiled model's latency through Go. docs/tuning.md says how trials
    are pruned, and what a latency is measured in.
    """
    data = chosen_links(context, options)
    from dwcpc.compiler.commands.link_data import spec_of
    from dwcpc.compiler.commands.tuning_data import LinkSource
    from dwcpc.models.training.bandwidth import BandwidthRecipe
    from dwcpc.models.training.options import FitOptions
    from dwcpc.models.tuning.bandwidth import BandwidthSpace

    fit = FitOptions(
        seed=options["seed"], epochs=options["epochs"], patience=options["patience"], threads=options["threads"]
    )
    recipe = BandwidthRecipe(timesteps=options["timesteps"], relative_weight=options["relative_weight"], fit=fit)
    space = BandwidthSpace(recipe, options["units"], options["batches"], len(spec_of(data).features))
    run_study(context, options, space, LinkSource(data, recipe.timesteps), LINK_DATA_NAMES)

"""`dwcpc tune nodes`: options in, a study out."""

from __future__ import annotations

from typing import Any

import click

from dwcpc.compiler.cli.node_data_options import NODE_DATA_NAMES, chosen_source, node_data_options
from dwcpc.compiler.cli.tuning_options import run_study, tuning_options


@click.command("nodes", short_help="Trees of the node model.")
@node_data_options
@click.option("--least-trees", type=click.IntRange(1, 100_000), default=50, show_default=True)
@click.option("--most-trees", type=click.IntRange(1, 100_000), default=500, show_default=True)
@click.option("--least-depth", type=click.IntRange(1, 64), default=3, show_default=True)
@click.option("--most-depth", type=click.IntRange(1, 64), default=10, show_default=True)
@tuning_options
@click.pass_context
def nodes(context: click.Context, /, **options: Any) -> None:
    """Search number, depth and learning rate of XGBoost's trees, and whether they see all features or the best.

    Two objectives: PR-AUC of the validation rows, and the compiled model's latency through Go. docs/tuning.md says how
    trials are pruned, and what a latency is measured in.
    """
    source = chosen_source(context, options)
    for what in ("trees", "depth"):
        if options[f"least_{what}"] > options[f"most_{what}"]:
            raise click.UsageError(f"--least-{what} is above --most-{what}; exchange them")
    from dwcpc.compiler.commands.tuning_data import NodeSource
    from dwcpc.models.training.node_estimators import require_libraries
    from dwcpc.models.training.nodes import NodeRecipe
    from dwcpc.models.tuning.nodes import NodeSpace

    require_libraries()
    trees, depths = ((options[f"least_{what}"], options[f"most_{what}"]) for what in ("trees", "depth"))
    space = NodeSpace(NodeRecipe(seed=options["seed"]), trees, depths)
    run_study(context, options, space, NodeSource(source, options["spec"], options["seed"]), NODE_DATA_NAMES)

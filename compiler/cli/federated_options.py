"""Options of `dwcpc train consensus` that are for `--federated` alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import click

from dwcpc.compiler.cli.options import added, on_the_command_line

if TYPE_CHECKING:
    from dwcpc.models.training.federated.options import FederatedOptions

FEDERATED_OPTIONS = (
    click.option(
        "--federated",
        is_flag=True,
        help="Train among simulated clients that keep their rows: by default one a group of the data, with batches "
        "of 32.",
    ),
    click.option("--clients", type=click.IntRange(2, 10_000), help="How many.  [default: one a group]"),
    click.option(
        "--partition",
        type=click.Choice(["group", "iid"]),
        default="group",
        show_default=True,
        help="Whole groups to each client, or windows dealt out.",
    ),
    click.option("--strategy", type=click.Choice(["fedavg", "fedprox"]), default="fedavg", show_default=True),
    click.option("--proximal-mu", type=click.FloatRange(0, 100), help="FedProx's μ.  [default: 0.01]"),
    click.option("--rounds", type=click.IntRange(1, 10_000), default=30, show_default=True, help="In place of epochs."),
    click.option("--local-epochs", type=click.IntRange(1, 1000), default=2, show_default=True, help="In each round."),
    click.option(
        "--fraction",
        type=click.FloatRange(0, 1, min_open=True),
        default=1.0,
        show_default=True,
        help="Of the clients, to train in a round.",
    ),
    click.option(
        "--at-once", type=click.IntRange(1, 1024), default=1, show_default=True, help="Clients beside each other."
    ),
)
NAMES: Final = ("clients", "partition", "strategy", "proximal_mu", "rounds", "local_epochs", "fraction", "at_once")
ELSEWHERE: Final = {"epochs": "--rounds and --local-epochs", "resume": "nothing", "members": "--seed, one at a time"}
BATCH_ROWS: Final = 32
"""A client has few windows, and each batch is one step: the batch of a central training would leave it two or three."""
PROXIMAL_MU: Final = 0.01


def federated_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command."""
    return added(command, FEDERATED_OPTIONS)


def chosen_federation(context: click.Context, options: dict[str, Any]) -> FederatedOptions | None:
    """Return what the options say, none for a training in one place; sets the default batch of a federation."""
    given = on_the_command_line(context, options)
    if not options["federated"]:
        for name in NAMES:
            if name in given:
                raise click.UsageError(f"--{name.replace('_', '-')} belongs to a federation; give --federated too")
        return None
    for name, instead in ELSEWHERE.items():
        if name in given:
            option = "ensemble" if name == "members" else name
            raise click.UsageError(f"--{option} is for training in one place; with --federated give {instead}")
    if options["strategy"] == "fedavg" and options["proximal_mu"] is not None:
        raise click.UsageError("--proximal-mu is FedProx's; give --strategy fedprox too, or omit it")
    if "batch_rows" not in given:
        options["batch_rows"] = BATCH_ROWS
    from dwcpc.models.training.federated.options import FederatedOptions

    mu = PROXIMAL_MU if options["proximal_mu"] is None else options["proximal_mu"]
    chosen = {name: options[name] for name in NAMES} | {"proximal_mu": mu if options["strategy"] == "fedprox" else 0.0}
    return FederatedOptions(**chosen)

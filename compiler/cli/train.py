"""`dwcpc train`: one command a reference model."""

from __future__ import annotations

import click

from dwcpc.compiler.cli.train_bandwidth import bandwidth
from dwcpc.compiler.cli.train_consensus import consensus
from dwcpc.compiler.cli.train_nodes import nodes


@click.group(
    "train", commands=(consensus, nodes, bandwidth), short_help="Train a reference model, on your data or simulated."
)
def train() -> None:
    """Train a reference model on simulated data, or on a table of your own; docs/training.md has the recipes."""

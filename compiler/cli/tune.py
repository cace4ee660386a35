"""`dwcpc tune`: one command a reference model."""

from __future__ import annotations

import click

from dwcpc.compiler.cli.tune_bandwidth import bandwidth
from dwcpc.compiler.cli.tune_consensus import consensus
from dwcpc.compiler.cli.tune_nodes import nodes


@click.group("tune", commands=(consensus, nodes, bandwidth), short_help="Search the best trade of quality and latency.")
def tune() -> None:
    """Search for models that are good on validation data and fast when compiled; docs/tuning.md has a study."""

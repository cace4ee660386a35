"""`dwcpc publish`: options in, one result out."""

from __future__ import annotations

import dataclasses
import sys
from typing import Any

import click

from dwcpc.compiler.cli.options import FILE
from dwcpc.compiler.cli.output import EXIT_CODES, Output


@click.command("publish", short_help="Gate a bundle and place it in a registry.")
@click.argument("bundle", type=FILE)
@click.option("--registry", type=FILE, required=True, help="Folder that holds NAME/vX.Y; made if it is not there.")
@click.option("--no-latest", is_flag=True, help="Place the version and leave `latest` as it is.")
@click.option("--version", help="X.Y to publish it as.  [default: the bundle's own]")
@click.option("--budget", multiple=True, metavar="NAME=NUMBER", help="Change a budget, as for gate.")
@click.pass_obj
def publish(output: Output, /, **options: Any) -> None:
    """Gate BUNDLE, what the registry serves now as its baseline; place it there as NAME/vX.Y; move `latest` up to it.

    Nothing is written unless the verdict is pass. A published version never changes: the same bytes again are a
    success (an interrupted publish is finished by repeating it), other bytes are refused. `latest` moves up only, and
    not to a version that was rolled back from. What the metadata does not name is not copied.
    """
    from dwcpc.bench.gate_limits import gate_limits
    from dwcpc.bench.protocol import FULL
    from dwcpc.compiler.commands.publish import PublishOrder, gated_fully, publish_bundle, render

    order = PublishOrder(options["bundle"], options["registry"], options["version"], not options["no_latest"])
    judge = gated_fully(options["registry"], gate_limits(options["budget"]), FULL, output.progress)
    outcome = publish_bundle(order, judge, output.progress)
    output.result(render(outcome), dataclasses.asdict(outcome))
    sys.exit(EXIT_CODES[outcome.verdict])

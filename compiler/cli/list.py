"""`dwcpc list`: options in, one result out."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from dwcpc.compiler.cli.options import FILE
from dwcpc.compiler.cli.output import Output


@click.command("list", short_help="What a registry holds.")
@click.option("--registry", type=FILE, required=True, help="Folder that holds NAME/vX.Y.")
@click.pass_obj
def list_(output: Output, registry: Path) -> None:
    """Show the versions in a registry: verdict, size, target, Go's latency, and which is `latest` (→).

    Versions that were rolled back from are marked withdrawn. Figures are those of each version's own metadata, from
    when it was compiled. Every file's hash is checked; exit code 2 when a version is damaged or `latest` names none.
    """
    from dwcpc.compiler.commands.list import as_data, is_sound, list_registry, render

    lines = list_registry(registry)
    output.result(render(lines), as_data(lines))
    sys.exit(0 if is_sound(lines) else 2)

"""`dwcpc rollback`: options in, one result out."""

from __future__ import annotations

from pathlib import Path

import click

from dwcpc.compiler.cli.options import FILE
from dwcpc.compiler.cli.output import Output


@click.command("rollback", short_help="Point latest at the previous good version.")
@click.argument("name")
@click.option("--registry", type=FILE, required=True, help="Folder that holds NAME/vX.Y.")
@click.option("--to", help="X.Y to point `latest` at, up or down.  [default: the previous good version]")
@click.pass_obj
def rollback(output: Output, name: str, registry: Path, to: str | None) -> None:
    """Point `latest` of NAME at the previous good version.

    That is the highest one below what `latest` names now which is whole, whose own metadata says pass, and which was
    not itself rolled back from. Versions that are rolled back from are listed in NAME/withdrawn: `latest` moves to none
    of them again unless --to names it. Versions themselves are never changed or removed.
    """
    from dwcpc.compiler.commands.rollback import as_data, render, rolled_back

    done = rolled_back(registry, name, to)
    output.result(render(done), as_data(done))

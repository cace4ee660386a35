"""`dwcpc inspect`: options in, one result out."""

from __future__ import annotations

from pathlib import Path

import click

from dwcpc.compiler.cli.options import FILE
from dwcpc.compiler.cli.output import Output


@click.command("inspect", short_help="What is inside a file, without executing any of it.")
@click.argument("path", type=FILE)
@click.pass_obj
def inspect(output: Output, path: Path) -> None:
    """Say what is inside PATH, a model, a scaler or a bundle, without executing anything from it."""
    from dwcpc.compiler.commands.inspect import inspect_path

    fields = inspect_path(path)
    width = min(32, max(len(label) for label, _ in fields))
    output.result("\n".join(f"{label:<{width}}  {text}" for label, text in fields), [list(field) for field in fields])

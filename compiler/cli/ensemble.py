"""`dwcpc ensemble`: options in, one result out."""

from __future__ import annotations

import dataclasses
from typing import Any

import click

from dwcpc.compiler.cli.options import FILE
from dwcpc.compiler.cli.output import Output


@click.command("ensemble", short_help="Define which models of a registry answer together.")
@click.argument("name")
@click.option("--registry", type=FILE, required=True, help="Folder that holds NAME/vX.Y.")
@click.option(
    "--member",
    "members",
    multiple=True,
    metavar="MODEL[@VERSION][:WEIGHT]",
    help="A model of the registry (repeatable): what latest names, unless a version is given; weight 1.",
)
@click.option(
    "--combine",
    type=click.Choice(["average", "vote"]),
    default="average",
    show_default=True,
    help="The weighted mean of outputs, or the weighted majority of classes or anomalies.",
)
@click.option(
    "--drop-failing",
    "minimum",
    type=click.IntRange(min=1),
    metavar="MINIMUM",
    help="Answer without members that fail, as long as so many answer.  [default: one that fails fails the answer]",
)
@click.pass_obj
def ensemble(output: Output, /, name: str, **options: Any) -> None:
    """Write REGISTRY/NAME.ensemble.json, which Go's ensemble.Load takes; without --member, check the one that is there.

    Members have to take the same inputs and, to be averaged, to give the same outputs. A vote counts each member's own
    decision, by its own threshold.
    """
    from dwcpc.compiler.commands.ensemble import check, define, parsed_member, render
    from dwcpc.compiler.registry.ensembles import Definition

    if options["members"]:
        members = tuple(parsed_member(text) for text in options["members"])
        definition = Definition(name, options["combine"], members, options["minimum"])
        defined = define(options["registry"], definition)
    else:
        defined = check(options["registry"], name)
    output.result(render(defined), dataclasses.asdict(defined))

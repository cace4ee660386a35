"""`dwcpc features`: options in, one result out."""

from __future__ import annotations

from pathlib import Path

import click

from dwcpc.compiler.cli.options import FILE
from dwcpc.compiler.cli.output import Output

SPEC = "SPEC is a JSON file, or the name of one that is shipped."


@click.group("features", short_help="Show, check and run feature specifications.")
def features() -> None:
    """Features are defined once, in a JSON file, and computed alike in Python, in Go and in the graph.

    docs/features.md says what each step computes.
    """


@features.command("show", short_help="What a specification computes.", epilog=SPEC)
@click.argument("spec", required=False)
@click.pass_obj
def show(output: Output, spec: str | None) -> None:
    """Say what SPEC computes, step by step; without SPEC, which ones are shipped."""
    from dwcpc.compiler.commands.features import as_data, shown, summary
    from dwcpc.compiler.features.shipped import shipped_names, shipped_spec

    if spec is None:
        names = shipped_names()
        output.result("\n".join(summary(shipped_spec(name)) for name in names), names)
    else:
        output.result(shown(spec), as_data(spec))


@features.command("check", short_help="Whether specifications can be run.", epilog=SPEC)
@click.argument("specs", metavar="SPEC...", nargs=-1, required=True)
@click.pass_obj
def check(output: Output, specs: tuple[str, ...]) -> None:
    """Hold each SPEC against the schema and itself; exit code 2 names the first step that is wrong."""
    from dwcpc.compiler.commands.features import as_data, summary
    from dwcpc.compiler.features.shipped import named_spec

    output.result("\n".join(summary(named_spec(spec)) for spec in specs), [as_data(spec) for spec in specs])


@features.command("run", short_help="The features of a table.", epilog=SPEC)
@click.argument("spec")
@click.option("--data", type=FILE, required=True, help="Raw samples, a .csv whose first line names the columns.")
@click.option("--out", type=FILE, required=True, help="A .csv, or a .npy of float64 [rows, features].")
@click.option("--sort", is_flag=True, help="Sort the rows by time first; rows of equal times keep their order.")
@click.pass_obj
def run(output: Output, spec: str, data: Path, out: Path, *, sort: bool) -> None:
    """Compute the features that SPEC defines for every sample of a table.

    Rows that come too late or twice are refused or skipped, as the specification says. A row that is refused is named
    with its column, and nothing is written.
    """
    from dwcpc.compiler.commands.features import run as run_features

    done = run_features(spec, data, out, output.progress, sort=sort)
    output.result(done, {"out": str(out)})

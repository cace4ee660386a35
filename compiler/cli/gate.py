"""`dwcpc gate`: options in, one result out."""

from __future__ import annotations

import dataclasses
import sys
from typing import Any

import click

from dwcpc.compiler.cli.options import FILE
from dwcpc.compiler.cli.output import BAD_INPUT, EXIT_CODES, Output


@click.command("gate", short_help="The verdict: parity, budgets, regression.")
@click.argument("paths", type=FILE, nargs=-1, metavar="[PATH...]")
@click.option(
    "--config", type=FILE, default="dwcpc.toml", show_default=True, help="Without PATH: what names the models."
)
@click.option(
    "--baseline",
    type=FILE,
    help="A bundle, or a registry: what serves now, to be no slower than.  [default: dwcpc.toml's, without PATH]",
)
@click.option(
    "--budget", multiple=True, metavar="NAME=NUMBER", help="Change a budget, e.g. latency_p99_ms=5 or size_mb=10."
)
@click.option(
    "--rate", type=click.FloatRange(min=0, min_open=True), default=10.0, show_default=True, help="Predictions a second."
)
@click.option("--quick", is_flag=True, help="Less of everything; may fail a bundle, never pass one.")
@click.option("--json-file", type=FILE, help="Write the findings as JSON.")
@click.option("--junit", type=FILE, help="Write them as JUnit XML.")
@click.option("--summary", type=FILE, help="Write them as Markdown, for a pull request.")
@click.option("--html", type=FILE, help="Write them as one HTML page with plots.")
@click.pass_obj
def gate_(output: Output, /, **options: Any) -> None:
    """Judge bundles: parity with their golden vectors, budgets, and regression against a baseline.

    PATH is a bundle, or a folder of bundles such as dist: the newest version of each model there. A bundle that cannot
    be read is refused, exit code 2, and the others are judged all the same. Without PATH, the models of dwcpc.toml are
    judged where it says that they are compiled to, by its budgets.
    """
    from dwcpc.bench.gate_limits import gate_limits
    from dwcpc.bench.protocol import FULL, QUICK
    from dwcpc.bench.reports.terminal_findings import render
    from dwcpc.compiler.commands.gate import GateOptions, gate
    from dwcpc.compiler.commands.gate_scope import scope_of
    from dwcpc.compiler.commands.write_reports import check_writable, written

    scope = scope_of(options["paths"], options["baseline"], options["config"])
    limits = gate_limits(options["budget"], options["rate"], scope.budgets)
    chosen = GateOptions(limits, QUICK if options["quick"] else FULL, scope.baseline)
    files = {
        ".json": options["json_file"],
        ".xml": options["junit"],
        ".md": options["summary"],
        ".html": options["html"],
    }
    check_writable(files)
    outcome = gate(scope.paths, chosen, output.progress)
    texts = [render(outcome.findings), *(f"report: {path}" for path in written(outcome.findings, files))]
    output.result("\n".join(texts), dataclasses.asdict(outcome.findings))
    sys.exit(BAD_INPUT if outcome.refused else EXIT_CODES[outcome.findings.verdict])

"""`dwcpc bench`: options in, one result out."""

from __future__ import annotations

import dataclasses
import sys
from typing import Any

import click

from dwcpc.compiler.cli.options import FILE
from dwcpc.compiler.cli.output import Output
from dwcpc.compiler.errors import EXIT_CODES


@click.command("bench", short_help="Latency, processor, memory, size: measured.")
@click.argument("bundles", type=FILE, nargs=-1, required=True, metavar="BUNDLE...")
@click.option("--runtime", default="python,go", show_default=True, help="Runtimes, separated by commas; Go decides.")
@click.option("--calls", type=click.IntRange(min=1, max=10_000_000), help="Calls of a process.  [default: 2000]")
@click.option("--processes", type=click.IntRange(min=1, max=100), help="Processes a runtime.  [default: 5, Python 3]")
@click.option("--concurrency", type=click.IntRange(min=1, max=10_000), help="Also: so many callers at once, in Go.")
@click.option("--rate", type=click.FloatRange(min=0, min_open=True, max=1e6), help="Also: calls due a second, in Go.")
@click.option("--compare", type=FILE, metavar="OTHER", help="Another bundle, measured in turn with each.")
@click.option("--budget", multiple=True, metavar="NAME=NUMBER", help="Change a budget, e.g. latency_p99_ms=5.")
@click.option("--quick", is_flag=True, help="Less of everything; may fail a bundle, never pass one.")
@click.pass_obj
def bench_(output: Output, /, **options: Any) -> None:
    """Measure latency, CPU time, memory, size and load time of each BUNDLE, in fresh processes.

    The verdict is on the budgets alone: whether a bundle still is its model, `dwcpc gate` asks. One that does not give
    its own golden vectors is refused, exit code 2.
    """
    from dwcpc.bench.gate_limits import gate_limits
    from dwcpc.bench.protocol import FULL, QUICK
    from dwcpc.bench.reports.terminal_findings import render
    from dwcpc.compiler.commands.bench import BenchOptions, bench

    chosen = BenchOptions(
        gate_limits(options["budget"]),
        (QUICK if options["quick"] else FULL).changed(options["processes"], options["calls"]),
        tuple(options["runtime"].split(",")),
        options["concurrency"],
        options["rate"],
        options["compare"],
    )
    findings = bench(options["bundles"], chosen, output.progress)
    output.result(render(findings), dataclasses.asdict(findings))
    sys.exit(EXIT_CODES[findings.verdict])

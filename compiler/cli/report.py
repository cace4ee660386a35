"""`dwcpc report`: options in, one result out."""

from __future__ import annotations

from pathlib import Path

import click

from dwcpc.compiler.cli.options import FILE
from dwcpc.compiler.cli.output import Output


@click.command("report", short_help="A page with plots, or Markdown, JSON, CSV, JUnit.")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=FILE)
@click.option(
    "-o", "--output", "out", type=FILE, default="report.html", show_default=True, help="Its suffix is the format."
)
@click.pass_obj
def report(output: Output, *, paths: tuple[Path, ...], out: Path) -> None:
    """Make a report of PATH, findings that gate wrote as .json, or bundles and folders of bundles.

    Formats: .html (one page, works offline), .md (for a pull request), .json, .csv, .xml (JUnit). Nothing is measured:
    of bundles it says what they say themselves.
    """
    from dwcpc.compiler.commands.report import write_report

    findings = write_report(paths, out)
    output.result(f"{findings.verdict}: {out}", {"report": str(out), "verdict": findings.verdict})

"""`dwcpc doctor`: options in, one result out."""

from __future__ import annotations

import dataclasses
import sys

import click

from dwcpc.compiler.cli.output import Output


@click.command("doctor", short_help="Versions, processor, runtime library, Go harness.")
@click.option("--ort-lib", is_flag=True, help="Print the path of the runtime library inside the onnxruntime wheel.")
@click.pass_obj
def doctor(output: Output, *, ort_lib: bool) -> None:
    """Look at versions, processor, runtime library and Go harness; exit code 2 when something is wrong."""
    from dwcpc.compiler.commands.doctor import diagnose
    from dwcpc.compiler.harness import runtime_library

    if ort_lib:
        output.result(str(runtime_library()), {"ort_lib": str(runtime_library())})
        return
    findings = diagnose()
    lines = [f"{'✔' if finding.good else '✘'} {finding.subject:<16} {finding.found}" for finding in findings]
    output.result("\n".join(lines), [dataclasses.asdict(finding) for finding in findings])
    sys.exit(0 if all(finding.good for finding in findings) else 2)

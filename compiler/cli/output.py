"""How a command tells its user: progress on stderr, its result on stdout, its verdict as an exit code."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys
import time

import click

from dwcpc.compiler.steps import BAR

EXIT_CODES = {"pass": 0, "fail": 1, "inconclusive": 4}
BAD_INPUT = 2


@dataclasses.dataclass(frozen=True, slots=True)
class Output:
    """How the user wants to be told."""

    as_json: bool
    verbose: bool
    quiet: bool
    begun: float
    drawn: list[str] = dataclasses.field(default_factory=list)

    def progress(self, step: str) -> None:
        """Name the step that begins, on stderr."""
        if self.quiet:
            return
        line = f"{time.monotonic() - self.begun:6.1f} s  {step}"
        if step.startswith(BAR) and sys.stderr.isatty():  # the next step goes over it
            columns = shutil.get_terminal_size().columns
            click.echo(f"\r\x1b[K{line[: columns - 1]}", err=True, nl=False)
            self.drawn.append(line)
            return
        click.echo("\n" * bool(self.drawn) + line, err=True)
        self.drawn.clear()

    def result(self, text: str, data: object) -> None:
        """Write the result to stdout."""
        click.echo(json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) if self.as_json else text)

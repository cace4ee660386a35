"""The command line: all commands, and errors to exit codes. No work is done here."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
import traceback
from typing import NoReturn

import click

from dwcpc.compiler.cli.bench import bench_
from dwcpc.compiler.cli.compile import compile_
from dwcpc.compiler.cli.doctor import doctor
from dwcpc.compiler.cli.ensemble import ensemble
from dwcpc.compiler.cli.evaluate import evaluate
from dwcpc.compiler.cli.features import features
from dwcpc.compiler.cli.gate import gate_
from dwcpc.compiler.cli.inspect import inspect
from dwcpc.compiler.cli.list import list_
from dwcpc.compiler.cli.output import Output
from dwcpc.compiler.cli.publish import publish
from dwcpc.compiler.cli.report import report
from dwcpc.compiler.cli.retrain import retrain_
from dwcpc.compiler.cli.rollback import rollback
from dwcpc.compiler.cli.train import train
from dwcpc.compiler.cli.tune import tune
from dwcpc.compiler.cli.verify import verify
from dwcpc.compiler.errors import DwcpcError

COMMANDS = (
    train,
    tune,
    evaluate,
    compile_,
    verify,
    bench_,
    gate_,
    report,
    publish,
    retrain_,
    rollback,
    list_,
    ensemble,
    features,
    inspect,
    doctor,
)
BUG = 3


class InOrder(click.Group):
    """Lists commands in the order in which a bundle meets them."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Return their names."""
        return list(self.commands)


@click.group(
    cls=InOrder, commands=COMMANDS, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(package_name="dwcpc", prog_name="dwcpc")
@click.option("-v", "--verbose", is_flag=True, help="Log what happens, and show tracebacks.")
@click.option("-q", "--quiet", is_flag=True, help="No progress on stderr.")
@click.option("--json", "as_json", is_flag=True, help="Write the result as one JSON object on stdout.")
@click.pass_context
def cli(context: click.Context, *, verbose: bool, quiet: bool, as_json: bool) -> None:
    """Compile trained models into ONNX bundles that are proven equal, fast and small, in Python and in Go.

    Exit codes: 0 good, 1 the verdict is fail, 2 bad usage or input, 3 a bug in dwcpc, 4 inconclusive.
    """
    logging.basicConfig(format="%(name)s: %(message)s", level=logging.INFO if verbose else logging.WARNING)
    context.obj = Output(as_json, verbose, quiet, time.monotonic())


def main(argv: list[str] | None = None) -> NoReturn:
    """Run the command line; every error becomes one sentence on stderr and an exit code."""
    # OpenBLAS's threads wait for each other at every small product, and its sums would depend on their number.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    arguments = (sys.argv[1:] if argv is None else argv) or ["--help"]
    verbose = any(word in {"-v", "--verbose"} for word in arguments)
    as_json = "--json" in arguments
    try:
        cli.main(args=arguments, prog_name="dwcpc", standalone_mode=False)
        sys.exit(0)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.Abort:
        _fail("interrupted", 130, as_json=as_json)
    except click.ClickException as error:
        _fail(error.format_message(), 2, as_json=as_json)
    except DwcpcError as error:
        _fail(str(error), error.exit_code, as_json=as_json, trace=traceback.format_exc() if verbose else "")
    except Exception as error:
        message = f"a bug in dwcpc: {type(error).__name__}: {error}; run again with -v and report it"
        _fail(message, BUG, as_json=as_json, trace=traceback.format_exc() if verbose else "")


def _fail(message: str, code: int, *, as_json: bool, trace: str = "") -> NoReturn:
    if trace:
        click.echo(trace, err=True)
    if as_json:
        click.echo(json.dumps({"error": {"message": message, "exit_code": code}}, ensure_ascii=False))
    click.echo(f"dwcpc: {' '.join(message.splitlines())}", err=True)
    sys.exit(code)

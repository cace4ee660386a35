"""The command line: options in, one command's result out, errors to exit codes. No work is done here."""

from __future__ import annotations

import dataclasses
import json
import logging
import math
import os
import shutil
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from dwcpc.compiler.errors import DwcpcError
from dwcpc.compiler.steps import BAR
from dwcpc.parity.defaults import DEFAULT_ROWS, DEFAULT_SEED

if TYPE_CHECKING:
    from dwcpc.bench.reports.summary import Summary

EXIT_CODES = {"pass": 0, "fail": 1, "inconclusive": 4}
BAD_INPUT = 2
BUG = 3


class FilePath(click.Path):
    """A path, there or not; one that the system cannot even look up is bad usage."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return `value` as a Path."""
        path = Path(value)
        try:
            path.exists()
        except OSError as error:
            self.fail(f"{str(path)!r}: {error.strerror}", param, ctx)
        return path


FILE = FilePath()
SEED = click.IntRange(min=0, max=2**63 - 1)  # as every reader of the metadata holds it


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


def input_shape(_context: click.Context, _option: click.Parameter, text: str | None) -> tuple[int, ...] | None:
    """Parse `30,12`."""
    if text is None:
        return None
    parts = text.replace("x", ",").split(",")
    if not all(part.strip().isdecimal() and int(part) > 0 for part in parts):
        raise click.BadParameter(f"{text!r} is not a shape, expected positive numbers such as 30,12")
    return tuple(int(part) for part in parts)


def finite(_context: click.Context, _option: click.Parameter, number: float | None) -> float | None:
    """Refuse NaN and infinities, which click's float lets through and metadata cannot hold."""
    if number is not None and not math.isfinite(number):
        raise click.BadParameter(f"{number} is not a finite number")
    return number


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
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


@cli.command("compile")
@click.argument("artifact", type=FILE, required=False)
@click.option(
    "--config", type=FILE, default="dwcpc.toml", show_default=True, help="Without ARTIFACT: what names the models."
)
@click.option("--only", multiple=True, metavar="NAME", help="Without ARTIFACT: this model alone (repeatable).")
@click.option("--since", metavar="COMMIT", help="Without ARTIFACT: models that changed since that commit alone.")
@click.option(
    "--target",
    default="cpu-fp32",
    show_default=True,
    help="Where and how precisely it is to run: cpu-fp32, cpu-fp16, cpu-int8, or the fastest of them, cpu-auto.",
)
@click.option("--scaler", type=FILE, help="The fitted RobustScaler or StandardScaler: pickle, JSON or npz.")
@click.option("--target-scaler", type=FILE, help="The scaler of the outputs; its inverse goes behind them.")
@click.option(
    "--scaler-applied",
    type=click.Choice(["graph", "host"]),
    default="graph",
    show_default=True,
    help="Who scales the inputs: the model itself, or its caller.",
)
@click.option("--arch", help="An architecture's name, or package.module:factory for a class of your own.")
@click.option("--timesteps", type=click.IntRange(min=1), help="Length of a window, where the weights do not tell it.")
@click.option("--input-shape", callback=input_shape, help="Shape of one row such as 30,12, where nothing tells it.")
@click.option(
    "--batch",
    type=click.Choice(["1"]),
    help="Serve exactly one row a call: a shorter graph, which takes about 1 % less time.  [default: any number]",
)
@click.option("--name", help="Name of the bundle.  [default: the artifact's]")
@click.option("--version", help="X.Y.  [default: the next minor version after what OUT holds]")
@click.option("--out", type=FILE, default="dist", show_default=True, help="Folder for NAME/vX.Y.")
@click.option(
    "--threshold",
    type=float,
    callback=finite,
    help="An autoencoder's score above it, an isolation forest's at or below it, is an anomaly.",
)
@click.option("--missing", type=float, help="XGBoost: the value, besides NaN, that stands for a missing one.")
@click.option(
    "--calibration",
    type=FILE,
    help="Representative raw rows, .npy, .npz or .csv (a sample a line; windows are cut side by side from its one "
    "series); drawn from the scaler otherwise.",
)
@click.option("--budget", multiple=True, metavar="NAME=NUMBER", help="Change a budget, e.g. latency_p99_ms=5.")
@click.option("--cases", type=click.IntRange(min=64), default=DEFAULT_ROWS, show_default=True, help="Rows to compare.")
@click.option("--seed", type=SEED, default=DEFAULT_SEED, show_default=True, help="Seed of the rows.")
@click.option(
    "--min-sqnr",
    type=click.FloatRange(min=1, max=150),
    help="Signal-to-noise in dB that cpu-fp16 and cpu-int8 keep.  [default: the target's, 60 and 30]",
)
@click.option("--distill", is_flag=True, help="cpu-int8: also train the best plan's integer layers (minutes; torch).")
@click.option("--no-verify", is_flag=True, help="Write the bundle unproven; exit code 4.")
@click.option("--force", is_flag=True, help="Replace the version if it exists.")
@click.option("--trust-pickle", is_flag=True, help="DANGEROUS: unpickle a whole module, running what the file says.")
@click.pass_context
def compile_(context: click.Context, /, **options: Any) -> None:
    """Compile ARTIFACT, prove it equal to its source in Python and in Go, and write OUT/NAME/vX.Y.

    Without ARTIFACT, every model that dwcpc.toml names is compiled as that file says.
    """
    output: Output = context.obj
    if options["artifact"] is None:
        _compile_configured(context, output, options)
    _compile_one(output, options)


def _compile_one(output: Output, options: dict[str, Any]) -> NoReturn:
    from dwcpc.bench.reports.terminal import render
    from dwcpc.compiler.commands.compile import Order, compile_bundle
    from dwcpc.compiler.pipeline import CompileRequest
    from dwcpc.compiler.sources.base import LoadOptions
    from dwcpc.compiler.targets import target_named

    artifact = options["artifact"]
    load = LoadOptions(
        options["arch"], options["timesteps"], options["input_shape"], options["trust_pickle"], options["missing"]
    )
    request = CompileRequest(
        artifact,
        target_named(options["target"]),
        options["scaler"],
        options["target_scaler"],
        options["scaler_applied"],
        options["threshold"],
        load,
        one_row=options["batch"] is not None,
    )
    order = Order(
        request=request,
        name=artifact.stem if options["name"] is None else options["name"],
        out=options["out"],
        version=options["version"],
        replace=options["force"],
        calibration=options["calibration"],
        rows=options["cases"],
        seed=options["seed"],
        verify=not options["no_verify"],
        budgets=options["budget"],
        min_sqnr_db=options["min_sqnr"],
        distil=options["distill"],
    )
    summary = compile_bundle(order, output.progress)
    output.result(render(summary, verbose=output.verbose), _told(summary))
    sys.exit(EXIT_CODES[summary.verdict])


def _compile_configured(context: click.Context, output: Output, options: dict[str, Any]) -> NoReturn:
    from dwcpc.bench.reports.terminal import render
    from dwcpc.compiler.commands.changed import changed_models
    from dwcpc.compiler.commands.config import read_config
    from dwcpc.compiler.commands.configured import compile_all, exit_code, orders

    given = {name for name in options if context.get_parameter_source(name) == click.core.ParameterSource.COMMANDLINE}
    alien = sorted(given - {"config", "only", "since", "out", "force", "no_verify"})
    if alien:
        names = ", ".join("--" + name.replace("_", "-") for name in alien)
        raise click.UsageError(
            f"{names}: belongs to one model; name its ARTIFACT, or write it into {options['config']}"
        )
    config = read_config(options["config"])
    out = options["out"] if "out" in given else None
    wanted = orders(config, options["only"], out, replace=options["force"], verify=not options["no_verify"])
    if options["since"] is not None:
        changed = changed_models(config, options["since"])
        wanted = [order for order in wanted if order.name in changed]
    outcomes = compile_all(wanted, output.progress)
    texts, data = [], []
    for outcome in outcomes:
        if isinstance(outcome.found, DwcpcError):
            texts.append(f"{outcome.name}\n  ✘ {outcome.found}")
            data.append(
                {"name": outcome.name, "error": {"message": str(outcome.found), "exit_code": outcome.exit_code}}
            )
        else:
            texts.append(render(outcome.found, verbose=output.verbose))
            data.append({"name": outcome.name, **_told(outcome.found)})
    output.result("\n".join(texts) or f"no model changed since {options['since']}", {"models": data})
    sys.exit(exit_code(outcomes))


def _told(summary: Summary) -> dict[str, Any]:
    return {
        "verdict": summary.verdict,
        "path": str(summary.path),
        "size_bytes": summary.size_bytes,
        "report": None if summary.report is None else str(summary.report),
        "metadata": dataclasses.asdict(summary.metadata),
    }


@cli.command()
@click.argument("bundles", type=FILE, nargs=-1, required=True, metavar="BUNDLE...")
@click.option("--runtime", default="python,go", show_default=True, help="Runtimes, separated by commas.")
@click.option(
    "--source", type=FILE, help="The artifact of the bundle, for a full comparison; golden vectors otherwise."
)
@click.option("--replay", type=FILE, help="A failure folder, to see that failure again.")
@click.option(
    "--cases", type=click.IntRange(min=64), default=DEFAULT_ROWS, show_default=True, help="Rows, with --source."
)
@click.option("--seed", type=SEED, default=DEFAULT_SEED, show_default=True, help="Seed, with --source.")
@click.option("--arch", help="package.module:factory, with --source, as for compile.")
@click.option("--trust-pickle", is_flag=True, help="DANGEROUS: with --source, as for compile.")
@click.pass_obj
def verify(output: Output, /, **options: Any) -> None:
    """Prove that each BUNDLE still is the model it was compiled from, in each runtime."""
    from dwcpc.bench.reports.terminal import render_parity
    from dwcpc.compiler.commands.verify import VerifyOptions, verify_bundle
    from dwcpc.compiler.sources.base import LoadOptions

    chosen = VerifyOptions(
        tuple(options["runtime"].split(",")),
        options["source"],
        options["replay"],
        options["cases"],
        options["seed"],
        LoadOptions(arch=options["arch"], trust_pickle=options["trust_pickle"]),
    )
    texts, data = [], []
    for path in options["bundles"]:
        bundle, verification = verify_bundle(path, chosen, output.progress)
        parity = verification.parity
        head = f"{bundle.metadata.name} v{bundle.metadata.version}   {parity.verdict}"
        texts.append("\n".join([head, *render_parity(parity)]))
        data.append(
            {
                "path": str(bundle.path),
                "verdict": parity.verdict,
                "onnxruntime": verification.versions,
                "parity": dataclasses.asdict(parity),
            }
        )
    verdict = "fail" if any(entry["verdict"] != "pass" for entry in data) else "pass"
    output.result("\n".join(texts), {"verdict": verdict, "bundles": data})
    sys.exit(EXIT_CODES[verdict])


@cli.command()
@click.argument("path", type=FILE)
@click.pass_obj
def inspect(output: Output, path: Path) -> None:
    """Say what is inside PATH, a model, a scaler or a bundle, without executing anything from it."""
    from dwcpc.compiler.commands.inspect import inspect_path

    fields = inspect_path(path)
    width = min(32, max(len(label) for label, _ in fields))
    output.result("\n".join(f"{label:<{width}}  {text}" for label, text in fields), [list(field) for field in fields])


@cli.command()
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


@cli.command()
@click.argument("bundle", type=FILE)
@click.option("--registry", type=FILE, required=True, help="Folder that holds NAME/vX.Y; made if it is not there.")
@click.option("--no-latest", is_flag=True, help="Place the version and leave `latest` as it is.")
@click.option("--version", help="X.Y to publish it as.  [default: the bundle's own]")
@click.option("--budget", multiple=True, metavar="NAME=NUMBER", help="Change a budget, as for gate.")
@click.pass_obj
def publish(output: Output, /, **options: Any) -> None:
    """Gate BUNDLE, what the registry serves now as its baseline; place it there as NAME/vX.Y; move `latest` up to it.

    Nothing is written unless the verdict is pass. A published version never changes: the same bytes again are a
    success (an interrupted publish is finished by repeating it), other bytes are refused. `latest` moves up only, and
    not to a version that was rolled back from. What the metadata does not name is not copied.
    """
    from dwcpc.bench.gate_limits import gate_limits
    from dwcpc.compiler.commands.publish import PublishOrder, gated_fully, publish_bundle, render

    order = PublishOrder(options["bundle"], options["registry"], options["version"], not options["no_latest"])
    judge = gated_fully(options["registry"], gate_limits(options["budget"]), output.progress)
    outcome = publish_bundle(order, judge, output.progress)
    output.result(render(outcome), dataclasses.asdict(outcome))
    sys.exit(EXIT_CODES[outcome.verdict])


@cli.command()
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


@cli.command("list")
@click.option("--registry", type=FILE, required=True, help="Folder that holds NAME/vX.Y.")
@click.pass_obj
def list_(output: Output, registry: Path) -> None:
    """Show the versions in a registry: verdict, size, target, Go's latency, and which is `latest` (→).

    Versions that were rolled back from are marked withdrawn. Figures are those of each version's own metadata, from
    when it was compiled. Every file's hash is checked; exit code 2 when a version is damaged or `latest` names none.
    """
    from dwcpc.compiler.commands.list import as_data, is_sound, list_registry, render

    lines = list_registry(registry)
    output.result(render(lines), as_data(lines))
    sys.exit(0 if is_sound(lines) else 2)


@cli.command()
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


@cli.command("bench")
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

    The verdict is on the budgets alone: whether a bundle still is its model, `dwcpc gate` asks.
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


@cli.command("gate")
@click.argument("paths", type=FILE, nargs=-1, required=True, metavar="PATH...")
@click.option("--baseline", type=FILE, help="A bundle, or a registry: what serves now, to be no slower than.")
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
    be read is refused, exit code 2, and the others are judged all the same.
    """
    from dwcpc.bench.gate_limits import gate_limits
    from dwcpc.bench.protocol import FULL, QUICK
    from dwcpc.bench.reports.terminal_findings import render
    from dwcpc.compiler.commands.gate import GateOptions, gate
    from dwcpc.compiler.commands.write_reports import check_writable, written

    limits = gate_limits(options["budget"], options["rate"])
    chosen = GateOptions(limits, QUICK if options["quick"] else FULL, options["baseline"])
    files = {
        ".json": options["json_file"],
        ".xml": options["junit"],
        ".md": options["summary"],
        ".html": options["html"],
    }
    check_writable(files)
    outcome = gate(options["paths"], chosen, output.progress)
    texts = [render(outcome.findings), *(f"report: {path}" for path in written(outcome.findings, files))]
    output.result("\n".join(texts), dataclasses.asdict(outcome.findings))
    sys.exit(BAD_INPUT if outcome.refused else EXIT_CODES[outcome.findings.verdict])


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

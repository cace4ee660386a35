"""`dwcpc compile`: options in, one result out."""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING, Any, NoReturn

import click

from dwcpc.compiler.cli.options import FILE, SEED, finite, input_shape, on_the_command_line
from dwcpc.compiler.cli.output import Output
from dwcpc.compiler.errors import EXIT_CODES, DwcpcError
from dwcpc.parity.defaults import DEFAULT_ROWS, DEFAULT_SEED

if TYPE_CHECKING:
    from dwcpc.bench.reports.summary import Summary


@click.command("compile", short_help="Artifact in, proven bundle out.")
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
@click.option(
    "--features",
    metavar="SPEC",
    help="What its features are computed by: a specification's file or a shipped one's name.",
)
@click.option("--embed-features", is_flag=True, help="Compute them in the graph: the model then takes raw windows.")
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
    help="An autoencoder's score above it, an isolation forest's at or below it, is an anomaly; a classifier of 0 and "
    "1 says 1 from this probability on.",
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
        features=options["features"],
        embed_features=options["embed_features"],
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

    given = set(on_the_command_line(context, options))
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

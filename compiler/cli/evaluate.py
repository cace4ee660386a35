"""`dwcpc evaluate`: options in, one result out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dwcpc.compiler.cli.link_options import chosen_links, forecast_options
from dwcpc.compiler.cli.node_data_options import chosen_source
from dwcpc.compiler.cli.options import FILE, on_the_command_line
from dwcpc.compiler.cli.output import Output
from dwcpc.compiler.cli.training_options import chosen_data, data_options

OF_FORECASTERS = ("spec", "targets", "last", "horizon", "links")
OF_DETECTORS = ("label", "kind", "nodes")
NOT_OF_NODES = ("features", "kind", "split", "steps", "targets", "last", "horizon", "links")
FLEETS_MIDDLE = 2  # a fleet's difficulty is 1 where the other simulators' is 0.5


@click.command("evaluate", short_help="How good trained models and their bundles are.")
@click.argument("paths", type=FILE, nargs=-1, required=True, metavar="PATH...")
@data_options
@forecast_options
@click.option("--runtime", default="go", show_default=True, help="Of bundles: python, go or both, with a comma.")
@click.option("--out", type=FILE, help="Folder for evaluation.json and plots.")
@click.pass_context
def evaluate(context: click.Context, /, paths: tuple[Path, ...], **options: Any) -> None:
    """Evaluate each PATH, a folder that `dwcpc train` wrote or a compiled bundle, on the same windows.

    Without --data these are simulated: of --seed and --difficulty, and, for comparison, harder and easier ones.
    Detectors take --label, --kind and --nodes, forecasters --spec, --targets, --last, --horizon and --links, models of
    node reliability --label, --spec and --nodes; a fleet's difficulty is twice --difficulty.
    """
    from dwcpc.compiler.commands.evaluate_forecasts import are_forecasters
    from dwcpc.compiler.commands.evaluate_nodes import are_node_models

    if are_node_models(paths):
        _evaluate_nodes(context, paths, options)
    elif are_forecasters(paths):
        _evaluate_forecasters(context, paths, options)
    else:
        _evaluate_detectors(context, paths, options)


def _evaluate_detectors(context: click.Context, paths: tuple[Path, ...], options: dict[str, Any]) -> None:
    from dwcpc.compiler.commands.evaluate import EvaluateOptions
    from dwcpc.compiler.commands.evaluate import evaluate as evaluated
    from dwcpc.models.evaluation.told import told
    from dwcpc.models.training.report import plain

    _refuse(context, OF_FORECASTERS, "forecasters")
    output: Output = context.obj
    chosen = EvaluateOptions(chosen_data(options), tuple(options["runtime"].split(",")), options["out"])
    evaluations = evaluated(paths, chosen, output.progress)
    output.result(told(evaluations), plain(evaluations))


def _evaluate_forecasters(context: click.Context, paths: tuple[Path, ...], options: dict[str, Any]) -> None:
    from dwcpc.compiler.commands.evaluate_forecasts import ForecastOptions, evaluate_forecasts
    from dwcpc.models.evaluation.forecast_told import told
    from dwcpc.models.training.report import plain

    _refuse(context, OF_DETECTORS, "detectors")
    output: Output = context.obj
    chosen = ForecastOptions(chosen_links(context, options), tuple(options["runtime"].split(",")), options["out"])
    evaluations = evaluate_forecasts(paths, chosen, output.progress)
    output.result(told(evaluations), plain(evaluations))


def _evaluate_nodes(context: click.Context, paths: tuple[Path, ...], options: dict[str, Any]) -> None:
    from dwcpc.compiler.commands.evaluate_nodes import EvaluateNodesOptions, evaluate_nodes
    from dwcpc.compiler.commands.node_data import SPEC
    from dwcpc.models.data.nodes import Fleet
    from dwcpc.models.evaluation.node_told import told
    from dwcpc.models.training.report import plain

    _refuse(context, NOT_OF_NODES, "other models than those of node reliability")
    fleet = Fleet()
    given = {
        **options,
        "label": options["label"] or "label",
        "difficulty": FLEETS_MIDDLE * options["difficulty"],
        "nodes": options["nodes"] or fleet.nodes,
        "samples": fleet.samples,
    }
    chosen = EvaluateNodesOptions(
        source=chosen_source(context, given),
        spec=options["spec"] or SPEC,
        seed=options["seed"],
        runtimes=tuple(options["runtime"].split(",")),
        out=options["out"],
    )
    output: Output = context.obj
    evaluations = evaluate_nodes(paths, chosen, output.progress)
    output.result(told(evaluations), plain(evaluations))


def _refuse(context: click.Context, names: tuple[str, ...], whose: str) -> None:
    for name in on_the_command_line(context, names):
        raise click.UsageError(f"--{name}: belongs to {whose}, and none is named; omit it")

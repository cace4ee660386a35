"""Options of every command that tunes a model, and what they come to."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

import click

from dwcpc.compiler.cli.options import FILE

if TYPE_CHECKING:
    from dwcpc.compiler.cli.output import Output
    from dwcpc.compiler.commands.tune import Source
    from dwcpc.models.tuning.executors import Executor
    from dwcpc.models.tuning.space import Space

TARGETS = ("cpu-fp32", "cpu-fp16", "cpu-int8", "cpu-auto")
INTERRUPTED = 130
LIMITS = ("trials", "timeout")

TUNING_OPTIONS = (
    click.option("--trials", type=click.IntRange(0, 100_000), default=20, show_default=True, help="More; 0: show it."),
    click.option("--timeout", type=click.FloatRange(min=0, min_open=True), help="Seconds, then no trial begins."),
    click.option("--study", help="Its name in the storage.  [default: the model's]"),
    click.option("--storage", help="Address of a database that Optuna supports.  [default: a SQLite file in OUT]"),
    click.option("--target", type=click.Choice(TARGETS), default="cpu-fp32", show_default=True, help="To be timed."),
    click.option("--no-pruning", is_flag=True, help="Train every trial to its end."),
    click.option(
        "--executor",
        type=click.Choice(["local", "ray"]),
        default="local",
        show_default=True,
        help="Who runs trials: this process, or tasks of a Ray cluster.",
    ),
    click.option("--ray-address", metavar="ADDRESS", help="Of a cluster, or `auto`.  [default: a local one]"),
    click.option("--ray-processors", type=click.IntRange(1, 1024), help="Of a local one.  [default: all]"),
    click.option("--out", type=FILE, help="Folder of the study.  [default: runs/tune-MODEL]"),
)


def tuning_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command."""
    for option in reversed(TUNING_OPTIONS):
        command = option(command)
    return command


def run_study(
    context: click.Context, options: dict[str, Any], space: Space, source: Source, data_names: Collection[str]
) -> None:
    """Tune by the options and tell the result; an interrupted study ends with its own exit code."""
    from pathlib import Path

    from dwcpc.compiler.commands.tune import TuneOrder, tune
    from dwcpc.models.training.report import plain

    output: Output = context.obj
    order = TuneOrder(
        space=space,
        source=source,
        out=options["out"] or Path("runs", f"tune-{space.model}"),
        study=options["study"] or space.model,
        trials=options["trials"],
        target=options["target"],
        storage=options["storage"],
        timeout_s=options["timeout"],
        seed=options["seed"],
        prune=not options["no_pruning"],
        executor=_executor(options),
        given=tuple(given_options(context, data_names)),
        again=("tune", space.model, *given_options(context, set(options) - set(LIMITS))),
    )
    result = tune(order, output.progress)
    output.result(result.text, plain(result.found))
    if result.interrupted:
        sys.exit(INTERRUPTED)


def given_options(context: click.Context, names: Collection[str]) -> list[str]:
    """Return the words of the command line that gave the options of these names."""
    words: list[str] = []
    for option in context.command.params:
        name = option.name or ""
        if name not in names or context.get_parameter_source(name) != click.core.ParameterSource.COMMANDLINE:
            continue
        value = context.params[name]
        values = value if isinstance(value, tuple) else (value,)
        words += (
            [option.opts[0]] if value is True else [text for each in values for text in (option.opts[0], str(each))]
        )
    return words


def _executor(options: dict[str, Any]) -> Executor:
    from dwcpc.models.tuning.executors import run_here
    from dwcpc.models.tuning.on_ray import OnRay

    if options["executor"] == "ray":
        if options["ray_address"] and options["ray_processors"]:
            raise click.UsageError("--ray-processors: the cluster at --ray-address has its own; omit one of the two")
        return OnRay(options["ray_address"], options["ray_processors"])
    for name in ("ray_address", "ray_processors"):
        if options[name] is not None:
            raise click.UsageError(f"--{name.replace('_', '-')}: belongs to --executor ray; give that too")
    return run_here

"""`dwcpc retrain`: options in, one result out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from dwcpc.compiler.cli.options import FILE, SEED
from dwcpc.compiler.cli.output import Output
from dwcpc.compiler.errors import EXIT_CODES
from dwcpc.parity.defaults import DEFAULT_ROWS


@click.command("retrain", short_help="Collect, train, compile, gate, and publish what is not worse.")
@click.argument("name", envvar="DWCPC_MODEL")
@click.option("--registry", type=FILE, required=True, help="Folder that holds NAME/vX.Y; made if it is not there.")
@click.option(
    "--data",
    type=FILE,
    multiple=True,
    envvar="DWCPC_TRAINING_DATA",
    show_envvar=True,
    metavar="FILE|DIR",
    help="An export of a service, or a folder of them (repeatable).  [default: simulated]",
)
@click.option("--incidents", type=FILE, help="With --data: a .csv of begin, end, group and kind, for want of labels.")
@click.option("--time", help="With --data: the column of times.  [default: the model's own, or time]")
@click.option("--group", help="With --data: the column of nodes.  [default: the model's own, group, or the folder]")
@click.option("--label", help="With --data: the column of 0 and 1.  [default: the model's own]")
@click.option("--as", "published", help="Name in the registry.  [default: the model's own]")
@click.option("--seed", type=SEED, help="Of simulation, split and training.  [default: one that trained nothing yet]")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Change the recipe, e.g. epochs=20.")
@click.option("--target", help="As for compile.  [default: that of what is served, or cpu-fp32]")
@click.option(
    "--min-sqnr", type=click.FloatRange(1, 150), help="As for compile.  [default: as what is served was compiled]"
)
@click.option("--cases", type=click.IntRange(min=64), default=DEFAULT_ROWS, show_default=True, help="Rows to compare.")
@click.option("--budget", multiple=True, metavar="NAME=NUMBER", help="Change a budget, as for gate.")
@click.option(
    "--tolerance",
    type=click.FloatRange(0, 1),
    help="How much worse a figure may be; what is worse passes 2 to 5 times in 100.  [default: the model's own]",
)
@click.option(
    "--minimum",
    multiple=True,
    metavar="NAME=NUMBER",
    help="A figure to reach, e.g. recall=0.97.  [default: the model's own, for the first version alone]",
)
@click.option("--dry-run", is_flag=True, help="Do everything and publish nothing.")
@click.option("--out", type=FILE, help="Folder for data, run, bundle and report.  [default: retrain/NAME]")
@click.pass_obj
def retrain_(output: Output, /, **options: Any) -> None:
    """Train NAME, one of consensus, nodes and bandwidth, again, and publish it where it is not worse than `latest`.

    Both are judged through Go on rows that trained neither, and the difference must be certain; then the gate decides,
    with what is served as its baseline. Otherwise nothing in the registry changes. docs/retraining.md has the rules.
    """
    from dwcpc.bench.gate_limits import gate_limits
    from dwcpc.bench.protocol import FULL
    from dwcpc.compiler.commands.publish import gated_fully
    from dwcpc.compiler.commands.retrain.command import RetrainOrder, retrain
    from dwcpc.compiler.commands.retrain.data import DataOrder
    from dwcpc.compiler.commands.retrain.decision import Limits
    from dwcpc.compiler.commands.retrain.models import model_named
    from dwcpc.compiler.commands.retrain.report import document, text

    model = model_named(options["name"])
    registry: Path = options["registry"]
    names = (options["incidents"], options["time"], options["group"], options["label"])
    order = RetrainOrder(
        registry=registry,
        out=options["out"] or Path("retrain", model.name),
        data=DataOrder(options["data"], *names),
        name=options["published"],
        seed=options["seed"],
        settings=options["settings"],
        target=options["target"],
        min_sqnr_db=options["min_sqnr"],
        rows=options["cases"],
        budgets=options["budget"],
        limits=Limits(options["tolerance"], _minimum(options["minimum"])),
        dry_run=options["dry_run"],
    )
    gate = gated_fully(registry, gate_limits(options["budget"]), FULL, output.progress)
    found = retrain(order, model, gate, output.progress)
    output.result(f"{text(found)}\nreport: {order.out / 'retrain.md'}", document(found))
    sys.exit(EXIT_CODES[found.verdict])


def _minimum(given: tuple[str, ...]) -> dict[str, float] | None:
    """Parse `recall=0.97`; none where nothing is given."""
    found = {}
    for setting in given:
        name, _, number = setting.partition("=")
        try:
            found[name] = float(number)
        except ValueError:
            raise click.UsageError(f"--minimum is {setting!r}, expected NAME=NUMBER such as recall=0.97") from None
    return found or None

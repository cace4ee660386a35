"""`dwcpc evaluate`: options in, one result out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dwcpc.compiler.cli.options import FILE
from dwcpc.compiler.cli.output import Output
from dwcpc.compiler.cli.training_options import chosen_data, data_options


@click.command("evaluate", short_help="How good trained models and their bundles are.")
@click.argument("paths", type=FILE, nargs=-1, required=True, metavar="PATH...")
@data_options
@click.option("--runtime", default="go", show_default=True, help="Of bundles: python, go or both, with a comma.")
@click.option("--out", type=FILE, help="Folder for evaluation.json and plots.")
@click.pass_obj
def evaluate(output: Output, /, paths: tuple[Path, ...], **options: Any) -> None:
    """Evaluate each PATH, a folder that `dwcpc train` wrote or a compiled bundle, on the same windows.

    Without --data these are simulated: of --seed and --difficulty, and, for comparison, harder and easier ones.
    """
    from dwcpc.compiler.commands.evaluate import EvaluateOptions
    from dwcpc.compiler.commands.evaluate import evaluate as evaluated
    from dwcpc.models.evaluation.told import told
    from dwcpc.models.training.report import plain

    chosen = EvaluateOptions(chosen_data(options), tuple(options["runtime"].split(",")), options["out"])
    evaluations = evaluated(paths, chosen, output.progress)
    output.result(told(evaluations), plain(evaluations))

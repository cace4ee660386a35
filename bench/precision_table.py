"""What float16 and int8 cost and gain on full-size models, beside onnxruntime's plain recipe, as a page.

    python -m dwcpc.bench.precision_table [FOLDER] [--only NAME] [-o docs/precision.md]

makes the models into FOLDER (minutes, the first time), compiles each for each target, measures, and writes the page of
all results in FOLDER: a model whose `table_result.json` is there keeps its place on the page when others are run alone.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from dwcpc.bench.environment import cpu_ticks, describe_machine
from dwcpc.bench.paired import PAIRS
from dwcpc.bench.precision_accuracy import reference_of
from dwcpc.bench.precision_compile import Outcome, compile_for
from dwcpc.bench.precision_entries import Yardstick, recipe_entries, target_entry
from dwcpc.bench.precision_models import chosen_plans, make_model, plans
from dwcpc.bench.precision_page import render
from dwcpc.bench.precision_result import BASE, RESULT_FILE, ModelResult, read_result, write_result
from dwcpc.compiler.bundle import Bundle, open_bundle
from dwcpc.compiler.errors import DwcpcError

if TYPE_CHECKING:
    from dwcpc.bench.precision_models import TableModel
    from dwcpc.bench.precision_result import Entry

TARGETS = (BASE, "cpu-fp16", "cpu-int8")
FOLDER = Path("dist/precision")
PAGE = Path("docs/precision.md")
COMMAND = "python -m dwcpc.bench.precision_table"

Progress = Callable[[str], None]


def main(arguments: list[str] | None = None) -> None:
    """Make, compile, measure and write; one sentence and the error's exit code where that fails."""
    options = _options(arguments)
    try:
        _run(options, _progress())
    except DwcpcError as error:
        sys.stderr.write(f"precision_table: {error}\n")
        sys.exit(error.exit_code)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=FOLDER, help=f"[default: {FOLDER}]")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="run this model; may be repeated")
    parser.add_argument("--target", action="append", default=[], help=f"[default: {', '.join(TARGETS)}]")
    parser.add_argument("--pairs", type=int, default=PAIRS, help=f"pairs of timed blocks [default: {PAIRS}]")
    parser.add_argument("--page-only", action="store_true", help="write the page of the results that there are")
    parser.add_argument("-o", "--output", type=Path, default=PAGE, help=f"[default: {PAGE}]")
    return parser.parse_args(arguments)


def _progress() -> Progress:
    begun = time.monotonic()
    return lambda step: (sys.stderr.write(f"{time.monotonic() - begun:7.1f} s  {step}\n"), sys.stderr.flush())[1]


def _run(options: argparse.Namespace, progress: Progress) -> None:
    planned = plans()
    targets = tuple(dict.fromkeys((BASE, *(options.target or TARGETS))))
    for plan in () if options.page_only else chosen_plans(tuple(options.only), planned):
        folder = options.folder / plan.name
        model = make_model(plan, folder, progress)
        write_result(folder / RESULT_FILE, measured(model, folder, targets, options.pairs, progress))
    files = [options.folder / plan.name / RESULT_FILE for plan in planned]
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(render([read_result(file) for file in files if file.exists()], COMMAND), encoding="utf-8")
    progress(f"written: {options.output}")


def measured(model: TableModel, folder: Path, targets: tuple[str, ...], pairs: int, progress: Progress) -> ModelResult:
    """Compile `model` for `targets`, the first of which is the one to compare with, and measure all of it."""
    import onnxruntime

    ticks = cpu_ticks()
    outcomes = {}
    for target in targets:
        progress(f"{model.name}: compiling for {target}")
        outcomes[target] = compile_for(target, model, folder / "bundles" / target)
    progress(f"{model.name}: the source model in float64")
    base = _base(model, outcomes[targets[0]])
    entries = _entries(outcomes, Yardstick(reference_of(model), base, pairs), progress)
    return ModelResult(
        name=model.name,
        title=model.title,
        weights=model.weights,
        rows=model.rows,
        date=datetime.now(UTC).date().isoformat(),
        compiler=base.metadata.compiler,
        onnxruntime=onnxruntime.__version__,
        machine=describe_machine(ticks),
        pairs=pairs,
        entries=entries,
    )


def _base(model: TableModel, outcome: Outcome) -> Bundle:
    if outcome.bundle is None:
        raise DwcpcError(f"{model.name}: there is no bundle to compare the others with: {outcome.reason}")
    return open_bundle(outcome.bundle)


def _entries(outcomes: dict[str, Outcome], yardstick: Yardstick, progress: Progress) -> tuple[Entry, ...]:
    entries = []
    for target, outcome in outcomes.items():
        entries.append(target_entry(target, outcome, yardstick))
        progress(f"measured: {target}")
    for entry in recipe_entries(yardstick):
        entries.append(entry)
        progress(f"measured: {entry.name}")
    return tuple(entries)


if __name__ == "__main__":
    main()

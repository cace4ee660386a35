"""`dwcpc train nodes`: table → split → train → judge → save, and on demand compile and judge through Go."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dwcpc.compiler.commands.compile import Order, compile_bundle
from dwcpc.compiler.errors import InputError, VerdictError
from dwcpc.compiler.features.shipped import named_spec
from dwcpc.compiler.pipeline import CompileRequest
from dwcpc.compiler.targets.cpu_fp32 import CPU_FP32
from dwcpc.models.data.labelled import LabelledRows, keyed_by, labelled_rows, read_labelled
from dwcpc.models.data.node_baselines import INTERVAL_S
from dwcpc.models.data.nodes import CAUSE, LABEL, Fleet, simulate_nodes
from dwcpc.models.data.series_split import Split, split_rows
from dwcpc.models.evaluation.bundle_answers import bundle_answers
from dwcpc.models.evaluation.grouped_classification import Evaluation, highest_fall
from dwcpc.models.evaluation.plots import plot_detection
from dwcpc.models.training.node_artifacts import (
    SCALER,
    Judged,
    Served,
    TrainingReport,
    compiled_threshold,
    report,
    save_artifacts,
    write_report,
)
from dwcpc.models.training.node_estimators import FILES, require_libraries
from dwcpc.models.training.node_logs import write_tree_logs
from dwcpc.models.training.nodes import NodeRecipe, TrainedNodes, judge, recall_by_cause, train
from dwcpc.models.training.run_files import PLOTS
from dwcpc.parity.defaults import DEFAULT_SEED

NAME = "node_reliability"
MAX_FALL = 0.002  # of any metric, from the source model to the bundle in Go: 0.2 points
ANOTHER_SEED = 1_000_003  # added to the fleet's
HARDER = (1.0, 1.25, 1.5)  # times the fleet's difficulty: what the model was not made for
PROOF_ROWS = 1024  # of a compile

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class GivenTable:
    """A file to train on, instead of a simulated fleet; time and group of None are the specification's."""

    path: Path
    label: str
    time: str | None = None
    group: str | None = None


@dataclass(frozen=True, slots=True)
class TrainNodesOrder:
    """What to train on, how, and where to put it."""

    source: GivenTable | Fleet
    spec: str
    recipe: NodeRecipe
    out: Path
    compile: bool


def train_nodes(order: TrainNodesOrder, say: Say) -> TrainingReport:
    """Carry out `order`; VerdictError where the bundle's metrics fall by more than MAX_FALL."""
    require_libraries()
    _check_folder(order.out)
    rows = rows_of(order.source, order.spec, say)
    split = _split(rows, order.recipe)
    trained = train(rows, split, order.recipe, say)
    say("judging on validation and test")
    scores = trained.suspicion(rows.x[split.test])
    on_test = _judged_by("test", scores, trained, rows, split.test)
    judged = [_judged("validation", trained, rows, split.validation), on_test]
    if isinstance(order.source, Fleet):
        judged += [_elsewhere(fleet, trained, order, say) for fleet in _others(order.source)]
    order.out.mkdir(parents=True, exist_ok=True)
    write_tree_logs(order.out, trained.history)
    plot_detection(order.out / PLOTS / "detection-test.png", rows.label[split.test], scores, trained.threshold)
    found = report(trained, save_artifacts(trained, order.out), rows, split, judged, _described(order.source))
    if order.compile:
        found = dataclasses.replace(found, served=_served(order, trained, rows, split.test, on_test.evaluation, say))
    write_report(found, order.out)
    if found.served is not None and found.served.fall > MAX_FALL:
        raise VerdictError(
            f"{found.served.bundle}: {found.served.metric_that_fell_most} falls by {found.served.fall:.4f} against the "
            f"source model, at most {MAX_FALL} is allowed; keep {order.out} and report it"
        )
    return found


def _check_folder(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: is a file, expected a folder; name another --out")


def rows_of(source: GivenTable | Fleet, spec_name: str, say: Say) -> LabelledRows:
    """Return the rows of a table, or of a simulated fleet, with the features of the specification."""
    spec = named_spec(spec_name)
    if isinstance(source, Fleet):
        say(f"simulating {source.nodes} nodes, {source.samples} samples each")
        return labelled_rows(spec, simulate_nodes(source), LABEL, CAUSE)
    say(f"reading {source.path}")
    return read_labelled(source.path, keyed_by(spec, source.time, source.group), source.label)


def _split(rows: LabelledRows, recipe: NodeRecipe) -> Split:
    return split_rows(rows.time, rows.group, recipe.seed)


def _judged(on: str, trained: TrainedNodes, rows: LabelledRows, chosen: NDArray[np.int64]) -> Judged:
    return _judged_by(on, trained.suspicion(rows.x[chosen]), trained, rows, chosen)


def _judged_by(
    on: str, scores: NDArray[np.float64], trained: TrainedNodes, rows: LabelledRows, chosen: NDArray[np.int64]
) -> Judged:
    """Judge the `scores` that the model gave the `chosen` rows."""
    flagged = scores >= trained.threshold
    return Judged(on, judge(scores, flagged, rows, chosen), recall_by_cause(flagged, rows, chosen))


def _others(fleet: Fleet) -> list[Fleet]:
    """Return fleets that differ by seed, and by seed and difficulty."""
    return [
        dataclasses.replace(fleet, seed=fleet.seed + ANOTHER_SEED + at, difficulty=fleet.difficulty * factor)
        for at, factor in enumerate(HARDER)
    ]


def _elsewhere(fleet: Fleet, trained: TrainedNodes, order: TrainNodesOrder, say: Say) -> Judged:
    """Judge on the test part of a fleet that the model never saw, with the threshold that it has."""
    rows = rows_of(fleet, order.spec, say)
    return _judged(_described(fleet), trained, rows, _split(rows, order.recipe).test)


def _described(source: GivenTable | Fleet) -> str:
    if isinstance(source, GivenTable):
        return source.path.name
    hours = source.samples * INTERVAL_S / 3600
    return f"simulated: {source.nodes} nodes for {hours:g} hours, seed {source.seed}, difficulty {source.difficulty:g}"


def _served(
    order: TrainNodesOrder,
    trained: TrainedNodes,
    rows: LabelledRows,
    chosen: NDArray[np.int64],
    source: Evaluation,
    say: Say,
) -> Served:
    """Compile what was saved, and judge the bundle on the `chosen` rows through Go, beside the source's evaluation."""
    summary = compile_bundle(_compile_order(order, trained), say)
    if summary.verdict == "fail":
        raise VerdictError(f"{summary.path}: did not pass, expected the model that was trained; see its report")
    say("judging the bundle through Go")
    x = rows.x[chosen]
    answers = bundle_answers(summary.path, x[:, trained.columns])
    flagged = trained.suspicion(x) >= trained.threshold
    evaluation = judge(answers.score, answers.flagged, rows, chosen)
    metric, fall = highest_fall(source.figures, evaluation.figures)
    judged = Judged("test, compiled, through Go", evaluation, recall_by_cause(answers.flagged, rows, chosen))
    bundle = summary.path.relative_to(order.out).as_posix()
    return Served(bundle, summary.verdict, judged, metric, fall, int((flagged != answers.flagged).sum()))


def _compile_order(order: TrainNodesOrder, trained: TrainedNodes) -> Order:
    artifact = order.out / FILES[trained.recipe.model]
    return Order(
        request=CompileRequest(
            artifact,
            CPU_FP32,
            order.out / SCALER,
            threshold=compiled_threshold(trained.recipe.model, trained.threshold),
        ),
        name=NAME,
        out=order.out / "dist",
        version=None,
        replace=False,
        calibration=None,
        rows=PROOF_ROWS,
        seed=DEFAULT_SEED,
        verify=True,
        budgets=(),
    )

"""`dwcpc train nodes`: table → split → train → judge → save, and on demand compile and judge through Go."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dwcpc.compiler.commands.compile import Order, compile_bundle
from dwcpc.compiler.commands.node_data import GivenTable, Say, described, other_fleets, rows_of, split_of
from dwcpc.compiler.errors import InputError, VerdictError
from dwcpc.compiler.pipeline import CompileRequest
from dwcpc.compiler.targets import target_named
from dwcpc.models.data.labelled import LabelledRows
from dwcpc.models.data.nodes import Fleet
from dwcpc.models.data.series_split import Split
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
from dwcpc.models.training.node_estimators import FittedTrees, require_libraries
from dwcpc.models.training.node_logs import write_tree_logs
from dwcpc.models.training.node_model import TrainedNodes
from dwcpc.models.training.nodes import NodeRecipe, judge, recall_by_cause, train
from dwcpc.models.training.run_files import CALIBRATION_FILE, PLOTS
from dwcpc.parity.defaults import DEFAULT_SEED

if TYPE_CHECKING:
    from dwcpc.models.training.node_detector import DetectorRecipe

NAME = "node_reliability"
MAX_FALL = 0.002  # of any metric, from the source model to the bundle in Go: 0.2 points
PROOF_ROWS = 1024  # of a compile


@dataclass(frozen=True, slots=True)
class TrainNodesOrder:
    """What to train on, how, and where to put it; the bundles of `targets` are judged too. `resume` is a network's."""

    source: GivenTable | Fleet
    spec: str
    recipe: NodeRecipe | DetectorRecipe
    out: Path
    targets: tuple[str, ...] = ()
    resume: Path | None = None


def train_nodes(order: TrainNodesOrder, say: Say) -> TrainingReport:
    """Carry out `order`; VerdictError where a bundle's metrics fall by more than MAX_FALL."""
    require_libraries()
    _check_folder(order.out)
    rows = rows_of(order.source, order.spec, say)
    split = _split(rows, order.recipe)
    trained = _trained(order, rows, split, say)
    say("judging on validation and test")
    scores = trained.model.suspicion(rows, split.test)
    on_test = _judged_by("test", scores, trained, rows, split.test)
    judged = [_judged("validation", trained, rows, split.validation), on_test]
    if isinstance(order.source, Fleet):
        judged += [_elsewhere(fleet, trained, order, say) for fleet in other_fleets(order.source)]
    order.out.mkdir(parents=True, exist_ok=True)
    if isinstance(trained.model, FittedTrees):
        write_tree_logs(order.out, trained.model.history)
    plot_detection(order.out / PLOTS / "detection-test.png", rows.label[split.test], scores, trained.threshold)
    artifact = save_artifacts(trained, order.out)
    found = report(trained, artifact, rows, split, judged, described(order.source))
    served = _Served(artifact, trained, rows, split.test, scores >= trained.threshold, on_test.evaluation)
    found = dataclasses.replace(found, served=tuple(served.by(target, say) for target in order.targets))
    write_report(found, order.out)
    for each in found.served:
        if each.fall > MAX_FALL:
            raise VerdictError(
                f"{each.bundle}: {each.metric_that_fell_most} falls by {each.fall:.4f} against the source model, "
                f"at most {MAX_FALL} is allowed; keep {order.out} and report it"
            )
    return found


def _trained(order: TrainNodesOrder, rows: LabelledRows, split: Split, say: Say) -> TrainedNodes:
    if isinstance(order.recipe, NodeRecipe):
        return train(rows, split, order.recipe, say)
    from dwcpc.models.training.checkpoint import checkpoint_of
    from dwcpc.models.training.node_detector import train_detector

    return train_detector(rows, split, order.recipe, order.out, say, resume=checkpoint_of(order.resume))


def _check_folder(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: is a file, expected a folder; name another --out")


def _split(rows: LabelledRows, recipe: NodeRecipe | DetectorRecipe) -> Split:
    return split_of(rows, recipe.seed, 1 if isinstance(recipe, NodeRecipe) else recipe.timesteps)


def _judged(on: str, trained: TrainedNodes, rows: LabelledRows, chosen: NDArray[np.int64]) -> Judged:
    return _judged_by(on, trained.model.suspicion(rows, chosen), trained, rows, chosen)


def _judged_by(
    on: str, scores: NDArray[np.float64], trained: TrainedNodes, rows: LabelledRows, chosen: NDArray[np.int64]
) -> Judged:
    """Judge the `scores` that the model gave the `chosen` rows."""
    flagged = scores >= trained.threshold
    return Judged(on, judge(scores, flagged, rows, chosen), recall_by_cause(flagged, rows, chosen))


def _elsewhere(fleet: Fleet, trained: TrainedNodes, order: TrainNodesOrder, say: Say) -> Judged:
    """Judge on the test part of a fleet that the model never saw, with the threshold that it has."""
    rows = rows_of(fleet, order.spec, say)
    return _judged(described(fleet), trained, rows, _split(rows, order.recipe).test)


@dataclass(frozen=True, slots=True)
class _Served:
    """Compiles what was saved, and judges its bundles on the `chosen` rows, beside what the source said of them."""

    artifact: Path
    trained: TrainedNodes
    rows: LabelledRows
    chosen: NDArray[np.int64]
    flagged: NDArray[np.bool_]
    source: Evaluation

    def by(self, target: str, say: Say) -> Served:
        summary = compile_bundle(self._order(target), say)
        if summary.verdict == "fail":
            raise VerdictError(f"{summary.path}: did not pass, expected the model that was trained; see its report")
        say(f"judging the {target} bundle through Go")
        rows, chosen = self.rows, self.chosen
        answers = bundle_answers(summary.path, self.trained.model.inputs(rows, chosen))
        evaluation = judge(answers.score, answers.flagged, rows, chosen)
        metric, fall = highest_fall(self.source.figures, evaluation.figures)
        judged = Judged(f"test, {target} through Go", evaluation, recall_by_cause(answers.flagged, rows, chosen))
        bundle = summary.path.relative_to(self.artifact.parent).as_posix()
        return Served(bundle, summary.verdict, judged, metric, fall, int((self.flagged != answers.flagged).sum()))

    def _order(self, target: str) -> Order:
        folder, trained = self.artifact.parent, self.trained
        is_network = not isinstance(trained.model, FittedTrees)
        return Order(
            request=CompileRequest(
                self.artifact,
                target_named(target),
                folder / SCALER,
                threshold=compiled_threshold(trained.recipe.model, trained.threshold),
            ),
            name=NAME,
            out=folder / "dist" / target,
            version=None,
            replace=False,
            calibration=folder / CALIBRATION_FILE if is_network else None,
            rows=PROOF_ROWS,
            seed=DEFAULT_SEED,
            verify=True,
            budgets=(),
        )

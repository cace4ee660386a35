"""`dwcpc train`: data in, a trained model with its evaluation and everything that led to it out."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dwcpc.compiler.commands.training_data import DataOptions, folds
from dwcpc.compiler.errors import InputError
from dwcpc.models.evaluation.detection import DetectionEvaluation, evaluate_detection
from dwcpc.models.evaluation.figure import file_name
from dwcpc.models.evaluation.plots import plot_detection
from dwcpc.models.evaluation.told import told
from dwcpc.models.training.report import REPORT_FILE, TrainingReport, epochs_told, files_in, plain, versions
from dwcpc.models.training.run_files import (
    CALIBRATION_FILE,
    EVALUATION_FILE,
    PLOTS,
    SCALER_FILE,
    WEIGHTS_FILE,
    write_json,
)

if TYPE_CHECKING:
    from dwcpc.models.training.consensus import ConsensusRecipe, Trained
    from dwcpc.models.training.folds import Folds

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class TrainOrder:
    """What to train, on what, and where to put it; `members` above 1 trains as many seeds into folders of their own."""

    recipe: ConsensusRecipe
    data: DataOptions
    out: Path
    resume: Path | None = None
    members: int = 1


@dataclass(frozen=True, slots=True)
class TrainResult:
    """What came of it: a report for each model trained, and the evaluations in one list."""

    out: Path
    reports: tuple[TrainingReport, ...]
    evaluations: tuple[DetectionEvaluation, ...]

    @property
    def text(self) -> str:
        """Return what a person reads."""
        lines = [told(self.evaluations)] if self.evaluations else ["no window is labelled, so nothing was evaluated"]
        for report in self.reports:
            lines.append(
                f"{report.name}: {report.parameters:,} parameters, best of {report.epochs} epochs was "
                f"{report.best_epoch}, trained for {report.training_s:.0f} s, threshold {report.threshold:.6g}"
            )
        left_out = self.reports[0].recipe["leave_out"]
        if left_out:
            lines.append(f"never shown in training or validation: {', '.join(left_out)}")
        folder, threshold = self.out, self.reports[0].threshold
        if len(self.reports) == 1:
            lines.append(
                f"compile it: dwcpc compile {folder / WEIGHTS_FILE} --scaler {folder / SCALER_FILE} "
                f"--threshold {threshold!r} --calibration {folder / CALIBRATION_FILE}"
            )
        return "\n".join([*lines, f"trained: {self.out}"])


def train_consensus_model(order: TrainOrder, progress: Progress) -> TrainResult:
    """Train the consensus model; InputError before anything is trained where data or options do not fit."""
    from dwcpc.models.training.ensemble import evaluate_ensemble, members_of, write_ensemble

    if order.resume is not None and order.members > 1:
        raise InputError("--resume goes on with one model; omit --ensemble, or train the missing seed alone")
    progress("simulating the data" if order.data.data is None else f"reading {order.data.data}")
    given = folds(order.data, order.recipe.timesteps)
    if order.members == 1:
        trained = _trained(given, order, order.recipe, order.out, progress)
        return TrainResult(order.out, (trained[1],), trained[2])
    runs = [
        (seed, *_trained(given, order, recipe, order.out / f"seed-{seed}", progress))
        for seed, recipe in members_of(order.recipe, order.members)
    ]
    write_ensemble(order.out, {f"seed-{seed}": trained.threshold for seed, trained, _, _ in runs})
    together = evaluate_ensemble(given.tests, [trained for _, trained, _, _ in runs]) if given.labelled else ()
    evaluations = tuple(each for run in runs for each in run[3]) + together
    write_json(order.out / EVALUATION_FILE, plain(evaluations))
    return TrainResult(order.out, tuple(run[2] for run in runs), evaluations)


def _trained(
    given: Folds, order: TrainOrder, recipe: ConsensusRecipe, folder: Path, progress: Progress
) -> tuple[Trained, TrainingReport, tuple[DetectionEvaluation, ...]]:
    from dwcpc.models.training.checkpoint import checkpoint_of
    from dwcpc.models.training.consensus import train_consensus

    trained = train_consensus(given, recipe, folder, progress, checkpoint_of(order.resume))
    name = f"{recipe.units} {recipe.objective}" if order.members == 1 else f"seed {recipe.fit.seed}"
    evaluations = evaluated(given, trained, name, folder, progress)
    report = written_report(order.data, dataclasses.asdict(recipe), trained, evaluations, folder)
    return trained, report, evaluations


def evaluated(
    given: Folds, trained: Trained, name: str, folder: Path, progress: Progress
) -> tuple[DetectionEvaluation, ...]:
    """Judge a trained model, called `name`, on every test where labels are known, and draw its plots into `folder`."""
    from dwcpc.models.training.plots import plot_history

    evaluations: tuple[DetectionEvaluation, ...] = ()
    for test in given.tests if given.labelled else ():
        progress(f"evaluating: {test.name}")
        score = trained.score(test.windows)
        evaluations += (evaluate_detection(test.name, name, test.windows, score, trained.threshold),)
        clear = ~test.windows.edge
        path = folder / PLOTS / f"detection-{file_name(test.name)}.png"
        plot_detection(path, test.windows.clear().anomalous, score[clear], trained.threshold)
    plot_history(folder / PLOTS / "history.png", trained.history)
    write_json(folder / EVALUATION_FILE, plain(evaluations))
    return evaluations


def written_report(
    source: DataOptions,
    recipe: Mapping[str, Any],
    trained: Trained,
    evaluations: tuple[DetectionEvaluation, ...],
    folder: Path,
) -> TrainingReport:
    """Write the report of a model trained on `source` into `folder`, and return it."""
    data: dict[str, Any] = plain(source)
    data["data"] = None if source.data is None else source.data.name
    report = TrainingReport(
        name="consensus",
        recipe=recipe,
        data=data,
        parameters=sum(parameter.numel() for parameter in trained.module.parameters()),
        train_windows=trained.train_windows,
        threshold=trained.threshold,
        evaluations=plain(evaluations),
        versions=versions(),
        files=files_in(folder),
        **epochs_told(trained.history),
    )
    write_json(folder / REPORT_FILE, plain(report))
    return report

"""`dwcpc train bandwidth`: table → split → train → judge beside baselines; on demand compile and judge through Go."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dwcpc.compiler.bundle import open_bundle
from dwcpc.compiler.commands.compile import Order, compile_bundle
from dwcpc.compiler.commands.link_data import LinkData, link_folds
from dwcpc.compiler.errors import InputError, VerdictError
from dwcpc.compiler.pipeline import CompileRequest
from dwcpc.compiler.sources.base import LoadOptions
from dwcpc.compiler.targets import target_named
from dwcpc.models.evaluation.figure import file_name
from dwcpc.models.evaluation.forecast_evaluation import ForecastEvaluation, evaluate_forecast
from dwcpc.models.evaluation.forecast_fall import LARGEST_FALL, largest_fall
from dwcpc.models.evaluation.forecast_plots import plot_forecasts
from dwcpc.models.evaluation.forecast_told import told
from dwcpc.models.evaluation.forecasters import bundle_forecast
from dwcpc.models.training.bandwidth_files import FEATURES, SCALER, TARGET_SCALER, WEIGHTS
from dwcpc.models.training.report import REPORT_FILE, plain
from dwcpc.models.training.run_files import CALIBRATION_FILE, EVALUATION_FILE, PLOTS, write_json
from dwcpc.parity.defaults import DEFAULT_SEED
from dwcpc.parity.runners.go import GoRuntime

if TYPE_CHECKING:
    from dwcpc.models.training.bandwidth import BandwidthRecipe, TrainedForecaster
    from dwcpc.models.training.bandwidth_report import BandwidthReport, ServedForecaster
    from dwcpc.models.training.link_folds import LinkFolds

NAME = "bandwidth"
PROOF_ROWS = 1024  # of a compile

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class TrainBandwidthOrder:
    """What to train, on what, where to put it, and the targets that it is then compiled for."""

    recipe: BandwidthRecipe
    data: LinkData
    out: Path
    resume: Path | None = None
    targets: tuple[str, ...] = ()
    min_sqnr_db: float | None = None


@dataclass(frozen=True, slots=True)
class TrainBandwidthResult:
    """What came of it: the report, and the evaluations in one list, baselines and bundles among them."""

    out: Path
    report: BandwidthReport
    evaluations: tuple[ForecastEvaluation, ...]

    @property
    def text(self) -> str:
        """Return what a person reads."""
        report, folder = self.report, self.out
        lines = [told(self.evaluations)]
        lines += [f"{each.target}: {each.verdict}, {each.bundle}; most fell {each.fell_most}" for each in report.served]
        lines.append(
            f"bandwidth: {report.parameters:,} parameters, best of {report.epochs} epochs was {report.best_epoch}, "
            f"trained for {report.training_s:.0f} s"
        )
        lines.append(
            f"compile it: dwcpc compile {folder / WEIGHTS} --scaler {folder / SCALER} --target-scaler "
            f"{folder / TARGET_SCALER} --features {folder / FEATURES} --timesteps {report.recipe['timesteps']} "
            f"--calibration {folder / CALIBRATION_FILE}"
        )
        return "\n".join([*lines, f"trained: {folder}"])


def train_bandwidth_model(order: TrainBandwidthOrder, progress: Progress) -> TrainBandwidthResult:
    """Carry out `order`; VerdictError where a bundle fails, or its figures fall by more than LARGEST_FALL."""
    from dwcpc.models.training.bandwidth import train_bandwidth
    from dwcpc.models.training.bandwidth_report import bandwidth_report
    from dwcpc.models.training.checkpoint import checkpoint_of
    from dwcpc.models.training.plots import plot_history

    for target in order.targets:
        target_named(target)
    if order.out.exists() and not order.out.is_dir():
        raise InputError(f"{order.out}: is a file, expected a folder; name another --out")
    progress("simulating the data" if order.data.data is None else f"reading {order.data.data}")
    folds = link_folds(order.data, order.recipe.timesteps)
    for name, left_out in (("training", folds.train.left_out), ("validation", folds.validation.left_out)):
        if left_out:
            progress(f"{name}: {left_out} windows are left out, because a number in them is missing")
    trained = train_bandwidth(folds, order.recipe, order.out, progress, checkpoint_of(order.resume))
    source = _evaluated(folds, trained, order, progress)
    plot_history(order.out / PLOTS / "history.png", trained.history)
    report = bandwidth_report(folds, order.recipe, trained, (order.data.told, source), order.out)
    _write(order, report, source)
    evaluations = source
    for target in order.targets:
        served, judged = _served(target, order, folds, source, progress)
        evaluations += judged
        report = dataclasses.replace(report, served=(*report.served, served), evaluations=plain(evaluations))
        _write(order, report, evaluations)
    _check_falls(report)
    return TrainBandwidthResult(order.out, report, evaluations)


def _evaluated(
    folds: LinkFolds, trained: TrainedForecaster, order: TrainBandwidthOrder, progress: Progress
) -> tuple[ForecastEvaluation, ...]:
    """Judge persistence, the linear baseline and the network on each test, and draw the last."""
    names = folds.task.forecast.targets
    evaluations: tuple[ForecastEvaluation, ...] = ()
    for test in folds.tests:
        progress(f"evaluating: {test.name}")
        windows = test.sequences
        answers = {
            "persistence": windows.last,
            "linear": trained.predict_linearly(windows.x),
            f"{order.recipe.units} LSTM": trained.predict(windows.x),
        }
        evaluations += tuple(evaluate_forecast(test.name, name, names, windows, each) for name, each in answers.items())
        plot_forecasts(order.out / PLOTS / f"forecast-{file_name(test.name)}.png", names, windows.y, answers)
    return evaluations


def _served(
    target: str,
    order: TrainBandwidthOrder,
    folds: LinkFolds,
    source: tuple[ForecastEvaluation, ...],
    progress: Progress,
) -> tuple[ServedForecaster, tuple[ForecastEvaluation, ...]]:
    """Compile what was saved, and judge the bundle on every test through Go, beside the network's evaluations."""
    from dwcpc.models.training.bandwidth_report import ServedForecaster

    summary = compile_bundle(_compile_order(order, target), progress)
    if summary.verdict == "fail":
        raise VerdictError(f"{summary.path}: did not pass, expected the model that was trained; see its report")
    bundle, names = open_bundle(summary.path), folds.task.forecast.targets
    judged: list[ForecastEvaluation] = []
    for test in folds.tests:
        progress(f"judging the {target} bundle through Go: {test.name}")
        answers = bundle_forecast(bundle, GoRuntime(), test.table, test.sequences)
        judged.append(evaluate_forecast(test.name, f"{target} (go)", names, test.sequences, answers))
    network = [each for each in source if each.model.endswith("LSTM")]
    fall = largest_fall(network, judged)
    place = summary.path.relative_to(order.out).as_posix()
    return ServedForecaster(place, target, summary.verdict, str(fall), fall.fall), tuple(judged)


def _compile_order(order: TrainBandwidthOrder, target: str) -> Order:
    folder = order.out
    return Order(
        request=CompileRequest(
            folder / WEIGHTS,
            target_named(target),
            folder / SCALER,
            folder / TARGET_SCALER,
            load=LoadOptions(timesteps=order.recipe.timesteps),
            features=str(folder / FEATURES),
        ),
        name=NAME,
        out=folder / "dist" / target,
        version=None,
        replace=False,
        calibration=folder / CALIBRATION_FILE,
        rows=PROOF_ROWS,
        seed=DEFAULT_SEED,
        verify=True,
        budgets=(),
        min_sqnr_db=order.min_sqnr_db if target != "cpu-fp32" else None,
    )


def _write(order: TrainBandwidthOrder, report: BandwidthReport, evaluations: tuple[ForecastEvaluation, ...]) -> None:
    write_json(order.out / EVALUATION_FILE, plain(evaluations))
    write_json(order.out / REPORT_FILE, plain(report))


def _check_falls(report: BandwidthReport) -> None:
    for served in report.served:
        if served.fall > LARGEST_FALL:
            raise VerdictError(
                f"{served.bundle}: against the source model falls {served.fell_most}, at most {100 * LARGEST_FALL:g} "
                "are allowed; compile it with a higher --min-sqnr"
            )

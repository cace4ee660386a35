"""`dwcpc evaluate` of forecasters: how good trained regressors and their bundles are, beside persistence."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from dwcpc.compiler.bundle import Bundle, open_bundle
from dwcpc.compiler.commands.link_data import LinkData, forecast_of, link_tests, spec_of
from dwcpc.compiler.commands.runtimes import check_runtimes
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.features.spec import FeatureSpec
from dwcpc.models.data.labelled import keyed_by
from dwcpc.models.data.sequences import Forecast
from dwcpc.models.evaluation.figure import file_name
from dwcpc.models.evaluation.forecast_evaluation import ForecastEvaluation, evaluate_forecast
from dwcpc.models.evaluation.forecast_plots import plot_forecasts
from dwcpc.models.evaluation.forecasters import (
    SourceForecaster,
    bundle_forecast,
    bundle_spec,
    bundle_timesteps,
    is_regressor,
    load_forecaster,
)
from dwcpc.models.training.bandwidth_files import (
    SCALER,
    TARGET_SCALER,
    WEIGHTS,
    BandwidthRun,
    is_bandwidth_run,
    read_run,
)
from dwcpc.models.training.link_folds import ForecastTest, Task
from dwcpc.models.training.report import plain
from dwcpc.models.training.run_files import EVALUATION_FILE, PLOTS, is_run, write_json
from dwcpc.parity.runners import RUNNERS

Progress = Callable[[str], None]
Stated = TypeVar("Stated")


@dataclass(frozen=True, slots=True)
class ForecastOptions:
    """On what, through which runtimes, and where the figures and plots go, if anywhere."""

    data: LinkData
    runtimes: tuple[str, ...]
    out: Path | None


@dataclass(frozen=True, slots=True)
class _Opened:
    """A run or a bundle, and what it says of its features and of what it predicts; a bundle may say neither."""

    name: str
    model: SourceForecaster | Bundle
    timesteps: int
    spec: FeatureSpec | None
    forecast: Forecast | None


def are_forecasters(paths: tuple[Path, ...]) -> bool:
    """Return whether all are regressors; InputError where only some are, which no table of figures can hold."""
    found = [is_bandwidth_run(path) or (not is_run(path) and is_regressor(open_bundle(path))) for path in paths]
    if any(found) and not all(found):
        raise InputError(
            f"{paths[found.index(False)]}: detects anomalies and {paths[found.index(True)]} predicts numbers; "
            "evaluate them apart"
        )
    return all(found)


def evaluate_forecasts(
    paths: tuple[Path, ...], options: ForecastOptions, progress: Progress
) -> tuple[ForecastEvaluation, ...]:
    """Evaluate each folder of a run, and each bundle through each runtime; InputError where windows do not fit."""
    check_runtimes(options.runtimes)
    models = [_opened(path) for path in paths]
    task = _task(models, options.data)
    progress("simulating the data" if options.data.data is None else f"reading {options.data.data}")
    evaluations: tuple[ForecastEvaluation, ...] = ()
    for test in link_tests(options.data, task):
        answers = {"persistence": test.sequences.last}
        for model in models:
            answers |= _answers(model, test, options.runtimes, progress)
        names = task.forecast.targets
        for name, answer in answers.items():
            evaluations += (evaluate_forecast(test.name, name, names, test.sequences, answer),)
        if options.out is not None:
            plot_forecasts(
                options.out / PLOTS / f"forecast-{file_name(test.name)}.png", names, test.sequences.y, answers
            )
    if options.out is not None:
        write_json(options.out / EVALUATION_FILE, plain(evaluations))
    return evaluations


def _opened(path: Path) -> _Opened:
    if is_bandwidth_run(path):
        run: BandwidthRun = read_run(path)
        model = load_forecaster(path / WEIGHTS, path / SCALER, path / TARGET_SCALER, run.timesteps)
        return _Opened(path.name, model, run.timesteps, run.spec, run.forecast)
    bundle = open_bundle(path)
    return _Opened(bundle.metadata.name, bundle, bundle_timesteps(bundle), bundle_spec(bundle), None)


def _task(models: list[_Opened], data: LinkData) -> Task:
    """Return what the options say, and where they are silent the models."""
    timesteps = _agreed("windows", [model.timesteps for model in models])
    specs = [keyed_by(model.spec, data.time, data.group) for model in models if model.spec is not None]
    stated = data.spec is not None or bool(data.features)
    spec = spec_of(data) if stated or not specs else _agreed("features", specs)
    forecasts = [model.forecast for model in models if model.forecast is not None]
    if forecasts:
        known = _agreed("targets", forecasts)
        data = dataclasses.replace(data, horizon=data.horizon or known.horizon)
        if data.data is not None and not data.targets:
            data = dataclasses.replace(data, targets=known.targets, last=data.last or known.last)
    return Task(spec, forecast_of(data), timesteps)


def _agreed(what: str, stated: list[Stated]) -> Stated:
    if any(each != stated[0] for each in stated):
        raise InputError(f"the models take or predict other {what}, expected the same of all; evaluate them apart")
    return stated[0]


def _answers(
    model: _Opened, test: ForecastTest, runtimes: tuple[str, ...], progress: Progress
) -> dict[str, NDArray[np.float64]]:
    """Return what the model answers to the windows of `test`, by the name that the table has."""
    if isinstance(model.model, SourceForecaster):
        progress(f"{model.name}, {test.name}: source")
        return {f"{model.name} (source)": model.model.predict(test.sequences.x)}
    answers = {}
    for runner in (each for each in RUNNERS if each.name in runtimes):
        progress(f"{model.name}, {test.name}: {runner.name}")
        name = f"{model.name} {model.model.metadata.target} ({runner.name})"
        answers[name] = bundle_forecast(model.model, runner, test.table, test.sequences)
    return answers

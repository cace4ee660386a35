"""`dwcpc evaluate`: how good trained models and compiled bundles are, on the same windows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dwcpc.compiler.bundle import Bundle, open_bundle
from dwcpc.compiler.commands.runtimes import check_runtimes
from dwcpc.compiler.commands.training_data import DataOptions, test_sets
from dwcpc.compiler.errors import InputError
from dwcpc.models.evaluation.answers import Detector, bundle_score, load_detector
from dwcpc.models.evaluation.detection import DetectionEvaluation, evaluate_detection
from dwcpc.models.evaluation.figure import file_name
from dwcpc.models.evaluation.plots import plot_detection, plot_reconstruction
from dwcpc.models.training.folds import TestSet
from dwcpc.models.training.report import plain
from dwcpc.models.training.run_files import (
    EVALUATION_FILE,
    PLOTS,
    SCALER_FILE,
    WEIGHTS_FILE,
    is_run,
    read_threshold,
    write_json,
)
from dwcpc.parity.runners import RUNNERS

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class EvaluateOptions:
    """On what, through which runtimes, and where the figures and plots go, if anywhere."""

    data: DataOptions
    runtimes: tuple[str, ...]
    out: Path | None


def evaluate(paths: tuple[Path, ...], options: EvaluateOptions, progress: Progress) -> tuple[DetectionEvaluation, ...]:
    """Evaluate each folder of a run, and each bundle through each runtime; InputError where windows do not fit."""
    check_runtimes(options.runtimes)
    models = [_opened(path) for path in paths]
    lengths = {_timesteps(model) for model in models}
    if len(lengths) > 1:
        raise InputError(
            f"the models take windows of {sorted(lengths)} steps, expected one length; evaluate them apart"
        )
    features = {_features(model) for model in models}
    columns = options.data.columns.features
    if features != {len(columns)}:
        raise InputError(
            f"the models take {sorted(features)} features and --features names {len(columns)}; name theirs"
        )
    progress("simulating the data" if options.data.data is None else f"reading {options.data.data}")
    tests = test_sets(options.data, lengths.pop())
    evaluations = tuple(
        each for test in tests for model in models for each in _evaluated(model, test, options, progress)
    )
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        write_json(options.out / EVALUATION_FILE, plain(evaluations))
    return evaluations


def _opened(path: Path) -> Detector | Bundle:
    if is_run(path):
        return load_detector(path / WEIGHTS_FILE, path / SCALER_FILE, read_threshold(path), path.name)
    return open_bundle(path)


def _timesteps(model: Detector | Bundle) -> int:
    return model.timesteps if isinstance(model, Detector) else int(model.metadata.inputs[0].shape[1])


def _features(model: Detector | Bundle) -> int:
    return model.scaler.features if isinstance(model, Detector) else int(model.metadata.inputs[0].shape[-1])


def _evaluated(
    model: Detector | Bundle, test: TestSet, options: EvaluateOptions, progress: Progress
) -> list[DetectionEvaluation]:
    if isinstance(model, Detector):
        progress(f"{model.model}, {test.name}: source")
        if options.out is not None:
            _plot(model, test, options.out / PLOTS, options.data.columns.features)
        score = model.score(test.windows.x)
        return [evaluate_detection(test.name, f"{model.model} (source)", test.windows, score, model.threshold)]
    evaluations = []
    for runner in (each for each in RUNNERS if each.name in options.runtimes):
        progress(f"{model.metadata.name}, {test.name}: {runner.name}")
        score = bundle_score(model, runner, test.windows.x)
        assert model.metadata.decision is not None  # noqa: S101 - or there was no score
        name = f"{model.metadata.name} {model.metadata.target} ({runner.name})"
        evaluations.append(evaluate_detection(test.name, name, test.windows, score, model.metadata.decision.threshold))
    return evaluations


def _plot(model: Detector, test: TestSet, folder: Path, features: tuple[str, ...]) -> None:
    name = file_name(f"{model.model}-{test.name}")
    judged = test.windows.clear()
    plot_detection(folder / f"detection-{name}.png", judged.anomalous, model.score(judged.x), model.threshold)
    error = model.feature_errors(judged.x)
    plot_reconstruction(folder / f"reconstruction-{name}.png", features, error, judged.anomalous)

"""`dwcpc evaluate` of node reliability: runs and bundles on the rows that `dwcpc train nodes` judges on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dwcpc.compiler.bundle import open_bundle
from dwcpc.compiler.commands.node_data import GivenTable, Say, described, other_fleets, rows_of, split_of
from dwcpc.compiler.commands.runtimes import check_runtimes
from dwcpc.compiler.errors import InputError
from dwcpc.models.data.labelled import LabelledRows
from dwcpc.models.data.nodes import Fleet
from dwcpc.models.evaluation.figure import file_name
from dwcpc.models.evaluation.node_told import NodeEvaluation
from dwcpc.models.evaluation.plots import plot_detection
from dwcpc.models.evaluation.reliability import ReliabilityModel, bundle_model, is_reliability_bundle, source_model
from dwcpc.models.training.bandwidth_files import is_bandwidth_run
from dwcpc.models.training.node_artifacts import SCALER, compiled_threshold, is_node_run, read_report
from dwcpc.models.training.nodes import judge, recall_by_cause
from dwcpc.models.training.report import plain
from dwcpc.models.training.run_files import EVALUATION_FILE, PLOTS, is_run, write_json
from dwcpc.parity.runners import RUNNERS


@dataclass(frozen=True, slots=True)
class EvaluateNodesOptions:
    """On what, split by which seed, through which runtimes, and where the figures and plots go, if anywhere."""

    source: GivenTable | Fleet
    spec: str
    seed: int
    runtimes: tuple[str, ...]
    out: Path | None


def are_node_models(paths: tuple[Path, ...]) -> bool:
    """Return whether all are of node reliability; InputError where only some are."""
    found = [
        is_node_run(path) or (not _is_other_run(path) and is_reliability_bundle(open_bundle(path))) for path in paths
    ]
    if any(found) and not all(found):
        raise InputError(
            f"{paths[found.index(True)]}: says whether a node fails, and {paths[found.index(False)]} does not; "
            "evaluate them apart"
        )
    return all(found)


def evaluate_nodes(paths: tuple[Path, ...], options: EvaluateNodesOptions, say: Say) -> tuple[NodeEvaluation, ...]:
    """Evaluate each folder of a run, and each bundle through each runtime, on the same rows."""
    check_runtimes(options.runtimes)
    models = [model for path in paths for model in _opened(path, options.runtimes)]
    longest = max(model.timesteps for model in models)
    evaluations: tuple[NodeEvaluation, ...] = ()
    for name, rows, chosen in _tests(options, longest, say):
        for model in models:
            say(f"{model.name}, {name}")
            answers = model.answers(rows, chosen)
            found = judge(answers.score, answers.flagged, rows, chosen)
            evaluations += (NodeEvaluation(model.name, name, found, recall_by_cause(answers.flagged, rows, chosen)),)
            if options.out is not None:
                place = options.out / PLOTS / f"detection-{file_name(f'{model.name}-{name}')}.png"
                lowest = answers.score[answers.flagged].min(initial=answers.score.max())
                plot_detection(place, rows.label[chosen], answers.score, float(lowest))
    if options.out is not None:
        write_json(options.out / EVALUATION_FILE, plain(evaluations))
    return evaluations


def _is_other_run(path: Path) -> bool:
    return is_run(path) or is_bandwidth_run(path)


def _opened(path: Path, runtimes: tuple[str, ...]) -> list[ReliabilityModel]:
    if is_node_run(path):
        report = read_report(path)
        threshold = compiled_threshold(report.model, report.threshold)
        return [source_model(path.name, path / report.artifact, path / SCALER, threshold)]
    return [bundle_model(open_bundle(path), runner) for runner in RUNNERS if runner.name in runtimes]


def _tests(
    options: EvaluateNodesOptions, longest: int, say: Say
) -> Iterator[tuple[str, LabelledRows, NDArray[np.int64]]]:
    """Yield names, rows, and which of them to judge on: those that end a window of the longest, which all answer."""
    source = options.source
    others = other_fleets(source) if isinstance(source, Fleet) else []
    for each in (source, *others):
        rows = rows_of(each, options.spec, say)
        yield described(each), rows, split_of(rows, options.seed, longest).test

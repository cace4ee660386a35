"""`TRAINING_REPORT.json` of a bandwidth run: what was trained, from what and how, and what came of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dwcpc.models.training.bandwidth import BandwidthRecipe, TrainedForecaster
from dwcpc.models.training.link_folds import LinkFolds
from dwcpc.models.training.report import epochs_told, files_in, plain, versions


@dataclass(frozen=True, slots=True)
class ServedForecaster:
    """A compiled bundle: what it was compiled for, the verdict, and the figure that fell by most against the source's.

    `fall` is in shares, of correlation, R² and MAPE; 0.002 are 0.2 points.
    """

    bundle: str
    target: str
    verdict: str
    fell_most: str
    fall: float


@dataclass(frozen=True, slots=True)
class BandwidthReport:
    """`recipe`, `data`, `forecast` and `evaluations` are as their own dataclasses have them; see `report.py`."""

    name: str
    recipe: Mapping[str, Any]
    data: Mapping[str, Any]
    forecast: Mapping[str, Any]
    features: str
    parameters: int
    windows: Mapping[str, int]
    windows_left_out: Mapping[str, int]
    linear_ridge: float
    bypass: Mapping[str, Any] | None
    epochs: int
    best_epoch: int
    validation_loss: float
    training_s: float
    evaluations: Sequence[Mapping[str, Any]]
    versions: Mapping[str, str]
    files: Sequence[str]
    served: tuple[ServedForecaster, ...] = ()


def bandwidth_report(
    folds: LinkFolds,
    recipe: BandwidthRecipe,
    trained: TrainedForecaster,
    told: tuple[Mapping[str, Any], Sequence[Any]],
    folder: Path,
) -> BandwidthReport:
    """Put the report together; `told` is what the data was, and the evaluations."""
    data, evaluations = told
    parts = {"train": folds.train, "validation": folds.validation}
    parts |= {test.name: test.sequences for test in folds.tests}
    return BandwidthReport(
        name="bandwidth",
        recipe=dataclasses.asdict(recipe),
        data=data,
        forecast=plain(folds.task.forecast),
        features=folds.task.spec.name,
        parameters=sum(parameter.numel() for parameter in trained.module.parameters()),
        windows={name: len(part) for name, part in parts.items()},
        windows_left_out={name: part.left_out for name, part in parts.items()},
        linear_ridge=trained.linear.ridge,
        bypass=plain(trained.bypassed),
        evaluations=plain(tuple(evaluations)),
        versions=versions(),
        files=files_in(folder),
        **epochs_told(trained.history),
    )

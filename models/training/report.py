"""`TRAINING_REPORT.json`: what was trained, from what and how, and what came of it."""

from __future__ import annotations

import dataclasses
import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from dwcpc.models.training.history import Epoch, best_of

REPORT_FILE: Final = "TRAINING_REPORT.json"
LIBRARIES: Final = ("torch", "scikit-learn", "numpy", "dwcpc")


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """`recipe`, `data` and `evaluations` are as their own dataclasses have them."""

    name: str
    recipe: Mapping[str, Any]
    data: Mapping[str, Any]
    parameters: int
    train_windows: int
    epochs: int
    best_epoch: int
    validation_loss: float
    training_s: float
    threshold: float
    evaluations: Sequence[Mapping[str, Any]]
    versions: Mapping[str, str]
    files: Sequence[str]


def epochs_told(history: Sequence[Epoch]) -> dict[str, Any]:
    """Return what a report says of the epochs."""
    best = best_of(history)
    return {
        "epochs": len(history),
        "best_epoch": best.number,
        "validation_loss": best.validation_loss,
        "training_s": round(sum(epoch.duration_s for epoch in history), 1),
    }


def versions(libraries: Sequence[str] = LIBRARIES) -> dict[str, str]:
    """Return the versions that the result depends on, Python's among them."""
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in libraries}}


def files_in(folder: Path) -> list[str]:
    """Return the run's files, named from its folder."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def plain(value: Any) -> Any:
    """Return `value` as JSON holds it: dataclasses as objects, NaN as null, paths as text."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value

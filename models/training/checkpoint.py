"""Checkpoints: everything an interrupted training needs to go on as if nothing had happened.

They hold tensors, numbers and text only, and are read as such: nothing in one is executed.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from dwcpc.compiler.errors import InputError, first_line
from dwcpc.compiler.whole_file import whole_file
from dwcpc.models.training.history import Epoch
from dwcpc.models.training.options import FitOptions
from dwcpc.models.training.run_files import CHECKPOINTS

FOLDER = CHECKPOINTS
LAST = "last.pt"
BEST = "best.pt"


@dataclass(slots=True)
class Parts:
    """What changes while training, and whose state a checkpoint holds."""

    module: nn.Module
    objective: nn.Module
    optimiser: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler


def checkpoint_of(resume: Path | None) -> Path | None:
    """Return the checkpoint to go on from: itself, or the last one of a run whose folder is named."""
    return resume / FOLDER / LAST if resume is not None and resume.is_dir() else resume


def save_checkpoint(path: Path, parts: Parts, history: list[Epoch], options: FitOptions, task: str) -> None:
    """Write the state after the last epoch of `history`, whole or not at all; `task` tells what was trained."""
    content = {
        "module": parts.module.state_dict(),
        "objective": parts.objective.state_dict(),
        "optimiser": parts.optimiser.state_dict(),
        "schedule": parts.schedule.state_dict(),
        "history": [dataclasses.asdict(epoch) for epoch in history],
        "options": dataclasses.asdict(options),
        "task": task,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as file:
        torch.save(content, file)


def load_checkpoint(path: Path, parts: Parts, options: FitOptions, task: str) -> list[Epoch]:
    """Put the saved state into `parts` and return the epochs so far; InputError where it is of another training."""
    content = _read(path)
    if isinstance(stated := content.get("options"), dict):
        content["options"] = dataclasses.asdict(FitOptions()) | stated  # one that came later was as it is by default
    for what, stated, wanted in (
        ("task", content.get("task"), task),
        ("options", content.get("options"), dataclasses.asdict(options)),
    ):
        if stated != wanted:
            raise InputError(
                f"{path}: was made with {what} {_differing(stated, wanted)}; resume with the same ones, or begin anew"
            )
    try:
        parts.module.load_state_dict(content["module"])
        parts.objective.load_state_dict(content["objective"])
        parts.optimiser.load_state_dict(content["optimiser"])
        parts.schedule.load_state_dict(content["schedule"])
        return [Epoch(**epoch) for epoch in content["history"]]
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{path}: does not fit this training ({first_line(error)}); begin anew") from error


def _read(path: Path) -> dict[str, Any]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises whatever zip files, pickles and tensors do
        raise InputError(f"{path}: cannot be read as a checkpoint ({first_line(error)}); begin anew") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: holds a {type(content).__name__}, expected a checkpoint; begin anew")
    return content


def _differing(stated: object, wanted: object) -> str:
    if not isinstance(stated, dict) or not isinstance(wanted, dict):
        return f"{stated!r}, expected {wanted!r}"
    differing = [name for name in wanted if stated.get(name) != wanted[name]]
    return ", ".join(f"{name} {stated.get(name)!r}, expected {wanted[name]!r}" for name in differing)

"""A study as pictures: the front, how the search went, and which parameters mattered."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dwcpc.models.evaluation.figure import drawn
from dwcpc.models.tuning.findings import OBJECTIVES, StudyFindings, TrialFindings

FRONT_FILE: Final = "front.png"
HISTORY_FILE: Final = "history.png"
IMPORTANCE_FILE: Final = "importance.png"

LABELS: Final = {"pr_auc": "PR-AUC, validation", "latency": "latency in Go, yardstick = 1"}


def plot_study(folder: Path, found: StudyFindings) -> tuple[Path, ...]:
    """Draw what there is to draw into `folder`: nothing without a trial that finished."""
    finished = [trial for trial in found.trials if trial.state == "finished"]
    if not finished:
        return ()
    _front(folder / FRONT_FILE, finished, found.front)
    _history(folder / HISTORY_FILE, finished)
    if not found.importance:
        return folder / FRONT_FILE, folder / HISTORY_FILE
    _importance(folder / IMPORTANCE_FILE, found)
    return folder / FRONT_FILE, folder / HISTORY_FILE, folder / IMPORTANCE_FILE


def _front(path: Path, finished: Sequence[TrialFindings], front: Sequence[TrialFindings]) -> None:
    with drawn(path, 1) as (axes,):
        axes.scatter(_each(finished, "latency"), _each(finished, "pr_auc"), color="grey", label="dominated")
        latency, pr_auc = _each(front, "latency"), _each(front, "pr_auc")
        axes.step(latency, pr_auc, where="post", color="C0", linewidth=1)
        axes.scatter(latency, pr_auc, color="C0", zorder=3, label="front")
        for trial, x, y in zip(front, latency, pr_auc, strict=True):
            axes.annotate(f" {trial.number}", (x, y), fontsize=8, va="top")
        axes.set(xlabel=LABELS["latency"], ylabel=LABELS["pr_auc"])
        axes.legend(loc="lower right")


def _each(trials: Sequence[TrialFindings], name: str) -> NDArray[np.float64]:
    return np.array([getattr(trial, name) for trial in trials], np.float64)


def _history(path: Path, finished: Sequence[TrialFindings]) -> None:
    numbers = [trial.number for trial in finished]
    with drawn(path, 2) as panels:
        for axes, name, best in zip(panels, OBJECTIVES, (np.maximum, np.minimum), strict=True):
            values = _each(finished, name)
            axes.scatter(numbers, values, s=12, color="grey", label="trial")
            axes.step(numbers, best.accumulate(values), where="post", color="C0", label="best so far")
            axes.set(xlabel="trial", ylabel=LABELS[name])
            axes.legend()


def _importance(path: Path, found: StudyFindings) -> None:
    names = sorted(found.importance[OBJECTIVES[0]], key=lambda name: found.importance[OBJECTIVES[0]][name])
    place = np.arange(len(names))
    with drawn(path, 1) as (axes,):
        for at, objective in enumerate(OBJECTIVES):
            shares = [found.importance[objective].get(name, 0.0) for name in names]
            axes.barh(place + 0.4 * at, shares, 0.4, label=LABELS[objective])
        axes.set_yticks(place + 0.2, names)
        axes.set(xlabel="share of the variance explained")
        axes.legend(fontsize=7)

"""A study as pictures: the front, how the search went, and which parameters mattered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dwcpc.models.evaluation.figure import drawn
from dwcpc.models.tuning.findings import OBJECTIVES, StudyFindings, TrialFindings

FRONT_FILE: Final = "front.png"
HISTORY_FILE: Final = "history.png"
IMPORTANCE_FILE: Final = "importance.png"

LATENCY_LABEL: Final = "latency in Go, yardstick = 1"

Labels = Mapping[str, str]


def plot_study(folder: Path, found: StudyFindings) -> tuple[Path, ...]:
    """Draw what there is to draw into `folder`: nothing without a trial that finished."""
    finished = [trial for trial in found.trials if trial.state == "finished"]
    if not finished:
        return ()
    labels = {"quality": f"{found.quality}, validation", "latency": LATENCY_LABEL}
    _front(folder / FRONT_FILE, finished, found.front, labels)
    _history(folder / HISTORY_FILE, finished, labels)
    if not found.importance:
        return folder / FRONT_FILE, folder / HISTORY_FILE
    _importance(folder / IMPORTANCE_FILE, found, labels)
    return folder / FRONT_FILE, folder / HISTORY_FILE, folder / IMPORTANCE_FILE


def _front(path: Path, finished: Sequence[TrialFindings], front: Sequence[TrialFindings], labels: Labels) -> None:
    with drawn(path, 1) as (axes,):
        axes.scatter(_each(finished, "latency"), _each(finished, "quality"), color="grey", label="dominated")
        latency, quality = _each(front, "latency"), _each(front, "quality")
        axes.step(latency, quality, where="post", color="C0", linewidth=1)
        axes.scatter(latency, quality, color="C0", zorder=3, label="front")
        for trial, x, y in zip(front, latency, quality, strict=True):
            axes.annotate(f" {trial.number}", (x, y), fontsize=8, va="top")
        axes.set(xlabel=labels["latency"], ylabel=labels["quality"])
        axes.legend(loc="lower right")


def _each(trials: Sequence[TrialFindings], name: str) -> NDArray[np.float64]:
    return np.array([getattr(trial, name) for trial in trials], np.float64)


def _history(path: Path, finished: Sequence[TrialFindings], labels: Labels) -> None:
    numbers = [trial.number for trial in finished]
    with drawn(path, 2) as panels:
        for axes, name, best in zip(panels, OBJECTIVES, (np.maximum, np.minimum), strict=True):
            values = _each(finished, name)
            axes.scatter(numbers, values, s=12, color="grey", label="trial")
            axes.step(numbers, best.accumulate(values), where="post", color="C0", label="best so far")
            axes.set(xlabel="trial", ylabel=labels[name])
            axes.legend()


def _importance(path: Path, found: StudyFindings, labels: Labels) -> None:
    names = sorted(found.importance[OBJECTIVES[0]], key=lambda name: found.importance[OBJECTIVES[0]][name])
    place = np.arange(len(names))
    with drawn(path, 1) as (axes,):
        for at, objective in enumerate(OBJECTIVES):
            shares = [found.importance[objective].get(name, 0.0) for name in names]
            axes.barh(place + 0.4 * at, shares, 0.4, label=labels[objective])
        axes.set_yticks(place + 0.2, names)
        axes.set(xlabel="share of the variance explained")
        axes.legend(fontsize=7)

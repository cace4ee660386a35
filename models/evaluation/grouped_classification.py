"""How good a yes-or-no model is on rows of several series, with intervals that respect them.

Rows of a series are not independent, so the bootstrap draws whole groups, with replacement.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dwcpc.compiler.errors import InputError
from dwcpc.models.evaluation.bootstrap import ROUNDS, Interval, bootstrap
from dwcpc.models.evaluation.classification import Confusion, DetectionFigures, Flags, Judge, Scores, confusion_of


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Figures on `rows` rows and the interval of each, from drawing the `groups` groups again."""

    rows: int
    groups: int
    confusion: Confusion
    figures: DetectionFigures
    intervals: dict[str, Interval]


def evaluate(
    label: Flags, score: Scores, flagged: Flags, group: NDArray[Any], *, rounds: int = ROUNDS, seed: int = 0
) -> Evaluation:
    """Judge `flagged` and `score` (higher where more suspect) against `label`, all [rows].

    InputError where one of the two classes is absent, or a score is NaN. A group of each row's own gives the ordinary
    bootstrap; one group for all rows gives no interval, and both ends are then the figure itself.
    """
    _check(label, score, flagged, group)
    known, place = np.unique(group, return_inverse=True)
    judge = Judge(label, score, flagged)
    return Evaluation(
        rows=len(label),
        groups=len(known),
        confusion=confusion_of(label, flagged),
        figures=judge.figures(),
        intervals=bootstrap(place.astype(np.int64), judge.figures, seed=seed, rounds=rounds),
    )


def highest_fall(before: DetectionFigures, after: DetectionFigures) -> tuple[str, float]:
    """Return the figure that got worse by most from `before` to `after`, and by how much; 0 where none did."""
    falls = {}
    for field in fields(DetectionFigures):
        change = getattr(before, field.name) - getattr(after, field.name)
        falls[field.name] = -change if field.name == "false_positive_rate" else change
    name = max(falls, key=lambda figure: falls[figure])
    return name, max(0.0, falls[name])


def _check(label: Flags, score: Scores, flagged: Flags, group: NDArray[Any]) -> None:
    lengths = {len(label), len(score), len(flagged), len(group)}
    if len(lengths) != 1:
        raise InputError(f"evaluation: columns of {sorted(lengths)} rows, expected one length; give a row for each")
    if not label.any() or label.all():
        raise InputError("evaluation: all labels are the same, expected rows with and without; choose other rows")
    if np.isnan(score).any():
        raise InputError("evaluation: a score is NaN, expected numbers; remove the rows whose input is none")

"""How good a yes-or-no model is: the owners' figures, with intervals that respect series.

TN, FP, FN, TP count rows. precision = TP / (TP + FP), recall = TP / (TP + FN), false-positive rate = FP / (FP + TN),
F1 = 2TP / (2TP + FP + FN), detection accuracy = (precision + recall) / 2, which is what the owners' reports call
accuracy and which is not (TP + TN) / rows. A precision of nothing flagged is 0.

Rows of a series are not independent, so the bootstrap draws whole groups, with replacement: each of its samples weighs
a row by how often its group was drawn.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dwcpc.compiler.errors import InputError
from dwcpc.models.evaluation.classification import Confusion, DetectionFigures, Flags, Scores, ends_of_ties

REPLICATES = 1000
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Figures on `rows` rows, and the ends of their intervals; `groups` were drawn `replicates` times."""

    rows: int
    confusion: Confusion
    metrics: DetectionFigures
    low: DetectionFigures
    high: DetectionFigures
    level: float
    groups: int
    replicates: int


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """How intervals are found."""

    replicates: int = REPLICATES
    level: float = LEVEL
    seed: int = 0


def evaluate(
    label: Flags, score: Scores, flagged: Flags, group: NDArray[Any], bootstrap: Bootstrap | None = None
) -> Evaluation:
    """Judge `flagged` and `score` (higher where more suspect) against `label`, all [rows].

    InputError where one of the two classes is absent, or a score is NaN. A group of each row's own gives the ordinary
    bootstrap; one group for all rows gives no interval, and both ends are then the metric itself.
    """
    bootstrap = bootstrap or Bootstrap()
    _check(label, score, flagged, group)
    known, place = np.unique(group, return_inverse=True)
    judged = _judged(label, score, flagged)
    once = np.ones(len(label))
    drawn = np.array(
        [
            astuple(judged.metrics(counts[place]))
            for counts in _draws(len(known), bootstrap)
            if _has_both(label, counts[place])
        ]
    )
    tails = (1 - bootstrap.level) / 2
    low, high = np.quantile(drawn, (tails, 1 - tails), axis=0)
    return Evaluation(
        rows=len(label),
        confusion=Confusion(*(int(count) for count in _counts(label, flagged, once))),
        metrics=judged.metrics(once),
        low=DetectionFigures(*low.tolist()),
        high=DetectionFigures(*high.tolist()),
        level=bootstrap.level,
        groups=len(known),
        replicates=len(drawn),
    )


def highest_fall(before: DetectionFigures, after: DetectionFigures) -> tuple[str, float]:
    """Return the metric that got worse by most from `before` to `after`, and by how much; 0 where none did."""
    falls = {}
    for field in fields(DetectionFigures):
        change = getattr(before, field.name) - getattr(after, field.name)
        falls[field.name] = -change if field.name == "false_positive_rate" else change
    name = max(falls, key=lambda metric: falls[metric])
    return name, max(0.0, falls[name])


def threshold_at_false_positive_rate(label: Flags, score: Scores, limit: float) -> float:
    """Return the lowest threshold (score ≥ it is flagged) that flags at most the share `limit` of the normal rows.

    It lies midway between two scores, so that no row of these sits on it. Where even the highest score flags too many,
    it is the next float64 above that, and flags nothing.
    """
    normal = np.sort(score[~label])
    allowed = int(limit * len(normal))
    candidates = np.unique(score).astype(np.float64)
    flagged = len(normal) - np.searchsorted(normal, candidates, side="left")
    first = int(np.argmax(flagged <= allowed)) if flagged[-1] <= allowed else len(candidates)
    if first == len(candidates):
        return float(np.nextafter(candidates[-1], np.inf))
    below = candidates[first - 1] if first else candidates[0]
    return float((below + candidates[first]) / 2)


def _check(label: Flags, score: Scores, flagged: Flags, group: NDArray[Any]) -> None:
    lengths = {len(label), len(score), len(flagged), len(group)}
    if len(lengths) != 1:
        raise InputError(f"evaluation: columns of {sorted(lengths)} rows, expected one length; give a row for each")
    if not label.any() or label.all():
        raise InputError("evaluation: all labels are the same, expected rows with and without; choose other rows")
    if np.isnan(score).any():
        raise InputError("evaluation: a score is NaN, expected numbers; remove the rows whose input is none")


@dataclass(frozen=True, slots=True)
class _Judged:
    """What was said of rows; `order` puts their scores from high to low, `last` ends each run of equal ones."""

    label: Flags
    flagged: Flags
    order: NDArray[np.int64]
    last: NDArray[np.int64]

    def metrics(self, weights: NDArray[np.float64]) -> DetectionFigures:
        """Return the metrics when each row counts `weights` times."""
        tn, fp, fn, tp = (float(count) for count in _counts(self.label, self.flagged, weights))
        precision = tp / (tp + fp) if tp + fp else 0.0
        recall = tp / (tp + fn)
        roc_auc, pr_auc = self._areas(weights)
        return DetectionFigures(
            accuracy=(tp + tn) / (tn + fp + fn + tp),
            detection_accuracy=(precision + recall) / 2,
            precision=precision,
            recall=recall,
            f1=2 * tp / (2 * tp + fp + fn),
            false_positive_rate=fp / (fp + tn),
            roc_auc=roc_auc,
            pr_auc=pr_auc,
        )

    def _areas(self, weights: NDArray[np.float64]) -> tuple[float, float]:
        """Return ROC-AUC (ties count half) and Σ (Rₙ − Rₙ₋₁)·Pₙ over the distinct scores."""
        label, weight = self.label[self.order], weights[self.order]
        found = np.cumsum(weight * label)[self.last]
        false = np.cumsum(weight * ~label)[self.last]
        newly_found, newly_false = np.diff(found, prepend=0.0), np.diff(false, prepend=0.0)
        area = (newly_false * (found - newly_found / 2)).sum() / (found[-1] * false[-1])
        precision = found / np.maximum(found + false, 1e-300)  # nothing newly found where both are 0
        return float(area), float((newly_found * precision).sum() / found[-1])


def _judged(label: Flags, score: Scores, flagged: Flags) -> _Judged:
    order = np.argsort(-score, kind="stable")
    return _Judged(label, flagged, order, ends_of_ties(score[order]))


def _draws(groups: int, bootstrap: Bootstrap) -> Iterator[NDArray[np.float64]]:
    rng = np.random.default_rng(bootstrap.seed)
    for _ in range(bootstrap.replicates):
        yield np.bincount(rng.integers(0, groups, groups), minlength=groups).astype(np.float64)


def _has_both(label: Flags, weights: NDArray[np.float64]) -> bool:
    return bool(weights[label].any() and weights[~label].any())


def _counts(label: Flags, flagged: Flags, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.bincount(2 * label + flagged, weights, minlength=4).astype(np.float64)

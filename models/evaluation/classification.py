"""Figures of a yes-or-no model that gives each row a score and flags some.

`detection_accuracy` is (precision + recall) / 2, as the owners of the models define it: their reports call it accuracy,
which it is not. ROC-AUC is the probability that an anomaly scores above a normal row, ties counted half; PR-AUC is the
average precision, Σ (Rₙ − Rₙ₋₁)·Pₙ over the distinct scores. The precision of nothing flagged is 0; any other figure
whose denominator is empty is NaN.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.floating]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Confusion:
    """Counts of rows; an anomaly is a positive."""

    true_negatives: int
    false_positives: int
    false_negatives: int
    true_positives: int


@dataclass(frozen=True, slots=True)
class DetectionFigures:
    """Each from 0 to 1."""

    accuracy: float
    detection_accuracy: float
    precision: float
    recall: float
    f1: float
    false_positive_rate: float
    roc_auc: float
    pr_auc: float


def confusion_of(anomalous: Flags, flagged: Flags) -> Confusion:
    """Count the rows by what they are and what they were called."""
    return Confusion(
        true_negatives=int((~anomalous & ~flagged).sum()),
        false_positives=int((~anomalous & flagged).sum()),
        false_negatives=int((anomalous & ~flagged).sum()),
        true_positives=int((anomalous & flagged).sum()),
    )


class Judge:
    """Labelled rows, sorted once by score: each may then count more than once, or not at all, as a bootstrap has it."""

    def __init__(self, anomalous: Flags, score: Scores, flagged: Flags) -> None:
        """`score` is higher where more suspect; `flagged` is what was called an anomaly. All are [rows]."""
        self._order = np.argsort(-score, kind="stable")
        self._anomalous = anomalous[self._order].astype(np.float64)
        self._flagged = flagged[self._order]
        self._last = ends_of_ties(score[self._order])

    def figures(self, weights: NDArray[np.integer] | None = None) -> DetectionFigures:
        """Judge the rows; `weights` says how often each counts, once without."""
        positive, negative = self._weighed(weights)
        found, false = float(positive[self._flagged].sum()), float(negative[self._flagged].sum())
        found_at, false_at = np.cumsum(positive)[self._last], np.cumsum(negative)[self._last]
        positives, negatives = float(found_at[-1]), float(false_at[-1])
        precision = _ratio(found, found + false) if found + false else 0.0
        recall = _ratio(found, positives)
        return DetectionFigures(
            accuracy=_ratio(found + negatives - false, positives + negatives),
            detection_accuracy=(precision + recall) / 2,
            precision=precision,
            recall=recall,
            f1=_ratio(2 * found, positives + found + false),
            false_positive_rate=_ratio(false, negatives),
            roc_auc=_ratio(_roc_area(found_at, false_at), positives * negatives),
            pr_auc=_ratio(_precision_area(found_at, false_at), positives),
        )

    def recall_at(self, false_positives: float, weights: NDArray[np.integer] | None = None) -> float:
        """Return the recall where the scores from some one on are flagged: at most a share of the normal rows.

        So two models are compared at one rate of false alarms, whatever they flag by; NaN where nothing is anomalous.
        """
        positive, negative = self._weighed(weights)
        found_at, false_at = np.cumsum(positive)[self._last], np.cumsum(negative)[self._last]
        allowed = np.searchsorted(false_at, false_positives * false_at[-1], side="right")
        return _ratio(float(found_at[allowed - 1]) if allowed else 0.0, float(found_at[-1]))

    def _weighed(self, weights: NDArray[np.integer] | None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return how often each row counts as an anomaly, and as a normal row, from the highest score down."""
        weight = np.ones(len(self._order)) if weights is None else weights[self._order].astype(np.float64)
        return weight * self._anomalous, weight * (1 - self._anomalous)


def detection_figures(anomalous: Flags, score: Scores, threshold: float) -> DetectionFigures:
    """Judge scores; one above `threshold`, compared in float64, is called an anomaly."""
    return Judge(anomalous, score, score.astype(np.float64) > threshold).figures()


def precision_recall(anomalous: Flags, score: Scores) -> tuple[NDArray[np.float64], NDArray[np.float64], Scores]:
    """Return precision and recall when all from each distinct score on is flagged, and those scores, descending."""
    found, flagged, at = _from_the_top(anomalous, score)
    return found / flagged, found / max(int(anomalous.sum()), 1), at


def roc(anomalous: Flags, score: Scores) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return false-positive rate and recall, from nothing flagged to everything."""
    found, flagged, _ = _from_the_top(anomalous, score)
    false = (flagged - found) / max(int((~anomalous).sum()), 1)
    return np.concatenate([[0.0], false]), np.concatenate([[0.0], found / max(int(anomalous.sum()), 1)])


def _from_the_top(anomalous: Flags, score: Scores) -> tuple[NDArray[np.int64], NDArray[np.int64], Scores]:
    order = np.argsort(-score, kind="stable")
    last = ends_of_ties(score[order])
    return np.cumsum(anomalous[order], dtype=np.int64)[last], last + 1, score[order][last]


def ends_of_ties(falling: Scores) -> NDArray[np.int64]:
    """Return the last place of each run of equal scores."""
    return np.append(np.flatnonzero(np.diff(falling)), len(falling) - 1)


def _roc_area(found_at: NDArray[np.float64], false_at: NDArray[np.float64]) -> float:
    """Return how many pairs of an anomaly and a normal window are in order, ties counted half."""
    before = np.concatenate([[0.0], found_at[:-1]])
    return float((np.diff(false_at, prepend=0.0) * (found_at + before) / 2).sum())


def _precision_area(found_at: NDArray[np.float64], false_at: NDArray[np.float64]) -> float:
    """Return Σ (found since the score before) · precision."""
    return float((np.diff(found_at, prepend=0.0) * found_at / np.maximum(found_at + false_at, 1)).sum())


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")

"""Figures of a detector that calls a window an anomaly when its score exceeds a threshold.

`detection_accuracy` is (precision + recall) / 2, as the owners of the models define it. ROC-AUC is the probability that
an anomaly scores above a normal window, ties counted half; PR-AUC is the average precision, Σ (Rₙ − Rₙ₋₁)·Pₙ over the
distinct scores. A figure whose denominator is empty is NaN.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.floating]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Confusion:
    """Counts of windows; an anomaly is a positive."""

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
    """Count the windows by what they are and what they were called."""
    return Confusion(
        true_negatives=int((~anomalous & ~flagged).sum()),
        false_positives=int((~anomalous & flagged).sum()),
        false_negatives=int((anomalous & ~flagged).sum()),
        true_positives=int((anomalous & flagged).sum()),
    )


def detection_figures(anomalous: Flags, score: Scores, threshold: float) -> DetectionFigures:
    """Judge scores; one above `threshold`, compared in float64, is called an anomaly."""
    counted = confusion_of(anomalous, score.astype(np.float64) > threshold)
    found, missed, false = counted.true_positives, counted.false_negatives, counted.false_positives
    precision, recall = _ratio(found, found + false), _ratio(found, found + missed)
    return DetectionFigures(
        accuracy=_ratio(found + counted.true_negatives, len(score)),
        detection_accuracy=(precision + recall) / 2,
        precision=precision,
        recall=recall,
        f1=_ratio(2 * found, 2 * found + missed + false),
        false_positive_rate=_ratio(false, false + counted.true_negatives),
        roc_auc=roc_auc(anomalous, score),
        pr_auc=pr_auc(anomalous, score),
    )


def roc_auc(anomalous: Flags, score: Scores) -> float:
    """Return the area under the ROC curve."""
    positives, negatives = int(anomalous.sum()), int((~anomalous).sum())
    if not positives or not negatives:
        return float("nan")
    _, place, count = np.unique(score, return_inverse=True, return_counts=True)
    middle_rank = (np.cumsum(count) - (count - 1) / 2)[place]
    return float((middle_rank[anomalous].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def pr_auc(anomalous: Flags, score: Scores) -> float:
    """Return the average precision."""
    if not anomalous.any():
        return float("nan")
    precision, recall, _ = precision_recall(anomalous, score)
    return float((np.diff(recall, prepend=0.0) * precision).sum())


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
    falling = score[order]
    last = np.append(np.flatnonzero(np.diff(falling)), len(falling) - 1)
    return np.cumsum(anomalous[order])[last], last + 1, falling[last]


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")

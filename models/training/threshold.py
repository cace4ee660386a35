"""The threshold of an anomaly score, chosen on validation windows and never on others.

With labels it is the middle between two scores: where the mean of accuracy and detection accuracy, which is
(precision + recall) / 2, is best, or the lowest that keeps a false-positive rate. Without, a quantile of the scores.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def best_threshold(scores: NDArray[np.floating], anomalous: NDArray[np.bool_]) -> float:
    """Return the threshold that judges labelled windows best; a score above it is an anomaly."""
    order = np.argsort(scores, kind="stable")
    score, positive = scores[order].astype(np.float64), anomalous[order]
    # Cut k calls the k lowest scores normal. Scores that are equal cannot be told apart.
    found = positive.sum() - np.concatenate([[0], np.cumsum(positive)])
    flagged = len(score) - np.arange(len(score) + 1)
    quality = detection_quality(found, flagged, int(positive.sum()), len(score))
    apart = np.concatenate([[False], score[1:] > score[:-1], [False]])
    if not apart.any():
        return float(score[-1])
    cut = int(np.flatnonzero(apart)[np.argmax(quality[apart])])
    return float((score[cut - 1] + score[cut]) / 2)


def detection_quality(
    found: NDArray[np.integer], flagged: NDArray[np.integer], anomalies: int, windows: int
) -> NDArray[np.float64]:
    """Return accuracy plus detection accuracy of thresholds that flag so many windows, so many anomalies among them."""
    recall = found / max(anomalies, 1)
    precision = found / np.maximum(flagged, 1)
    wrong = (flagged - found) + (anomalies - found)
    quality: NDArray[np.float64] = 1 - wrong / windows + (precision + recall) / 2
    return quality


def quantile_threshold(scores: NDArray[np.floating], share_normal: float) -> float:
    """Return the score that `share_normal` of the windows do not exceed."""
    return float(np.quantile(scores.astype(np.float64), share_normal))


def threshold_at_false_positive_rate(score: NDArray[np.floating], anomalous: NDArray[np.bool_], limit: float) -> float:
    """Return the lowest threshold (score ≥ it is flagged) that flags at most the share `limit` of the normal rows.

    It lies midway between two scores, so that no row of these sits on it. Where even the highest score flags too many,
    it is the next float64 above that, and flags nothing.
    """
    normal = np.sort(score[~anomalous])
    allowed = int(limit * len(normal))
    candidates = np.unique(score).astype(np.float64)
    flagged = len(normal) - np.searchsorted(normal, candidates, side="left")
    first = int(np.argmax(flagged <= allowed)) if flagged[-1] <= allowed else len(candidates)
    if first == len(candidates):
        return float(np.nextafter(candidates[-1], np.inf))
    below = candidates[first - 1] if first else candidates[0]
    return float((below + candidates[first]) / 2)

"""Recall where a share of the normal rows is flagged: what a score is worth, whatever threshold is chosen on it.

The threshold is the lowest that flags at most that share of the rows as they are weighted, so two models are compared
at the same rate of false alarms.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dwcpc.models.evaluation.classification import Flags, Scores, ends_of_ties


class OperatingPoint:
    """Labelled scores, sorted once: rows may then count more than once, or not at all, as a bootstrap has it."""

    def __init__(self, label: Flags, score: Scores) -> None:
        """A higher score is more suspect."""
        self._order = np.argsort(-score, kind="stable")
        self._label = label[self._order]
        self._last = ends_of_ties(score[self._order])

    def recall_at(self, false_positives: float, weights: NDArray[np.int64] | None = None) -> float:
        """Return the recall where at most the share `false_positives` of the normal rows is flagged; NaN of none."""
        weight = np.ones(len(self._order), np.int64) if weights is None else weights[self._order]
        found = np.cumsum(weight * self._label)[self._last]
        false = np.cumsum(weight * ~self._label)[self._last]
        if not found[-1]:
            return float("nan")
        allowed = np.searchsorted(false, false_positives * false[-1], side="right")
        return float(found[allowed - 1] / found[-1]) if allowed else 0.0

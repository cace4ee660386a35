"""The threshold from the clients' counts: how many normal windows, and how many anomalies, do not exceed each score.

The first cuts are the same for any model, 2^(−20), 2^(−19.875), … 2^20 and ∞; with labels the next divide what lies
around the best of them into 64, and the threshold is the middle of the best run of those.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dwcpc.compiler.errors import InputError
from dwcpc.models.training.federated.quantiles import quantiles
from dwcpc.models.training.threshold import detection_quality

Cuts = NDArray[np.float64]  # [cuts], ascending
Counts = NDArray[np.int64]  # [normal and anomalous, cuts]
Ask = Callable[[Cuts], Counts]

SCORES: Final = 2.0 ** np.arange(-20, 20.125, 0.125)
COARSE: Final = np.append(SCORES, np.inf)
CELLS: Final = 64


def score_counts(score: NDArray[np.floating], anomalous: NDArray[np.bool_], cuts: Cuts) -> Counts:
    """Return a client's answer: exact, as the scores themselves stay where they are."""
    parts = (np.sort(score[rows].astype(np.float64)) for rows in (~anomalous, anomalous))
    return np.stack([np.searchsorted(part, cuts, side="right") for part in parts]).astype(np.int64)


def labelled_threshold(ask: Ask) -> float:
    """Return the threshold that judges the clients' labelled windows best, as `best_threshold` does."""
    best = _best_run(ask(COARSE))
    low, high = COARSE[max(best.start - 1, 0)], COARSE[min(best.stop, len(SCORES) - 1)]
    fine = np.append(np.linspace(low, high, CELLS + 1), np.inf)
    run = fine[_best_run(ask(fine))]
    return float(run[(len(run) - 1) // 2])


def unlabelled_threshold(ask: Ask, share_normal: float) -> float:
    """Return the score that `share_normal` of the clients' normal windows do not exceed."""
    return float(quantiles(lambda cuts: ask(cuts[0])[:1], 1, (share_normal,)).values[0, 0])


def best_quality(counts: Counts) -> float | None:
    """Return accuracy plus detection accuracy at the best of the cuts; none where no window is an anomaly."""
    return float(_qualities(counts).max()) if counts[1, -1] else None


def _qualities(counts: Counts) -> NDArray[np.float64]:
    """Return the quality of each finite cut; the last cut counts everything."""
    normal, anomalies = (int(count) for count in counts[:, -1])
    if normal + anomalies == 0:
        raise InputError("no client has a window to choose the threshold by; give more data")
    passed, missed = counts[:, :-1]
    found = anomalies - missed
    return detection_quality(found, found + normal - passed, anomalies, normal + anomalies)


def _best_run(counts: Counts) -> slice:
    """Return the first run of neighbouring finite cuts that are as good as the best."""
    quality = _qualities(counts)
    first = int(np.argmax(quality))
    worse = np.flatnonzero(quality[first:] < quality[first])
    return slice(first, first + int(worse[0]) if len(worse) else len(quality))

"""The learning rate of a round, which the server sends along: constant within it, scheduled over the rounds."""

from __future__ import annotations

import math
from collections.abc import Sequence

from dwcpc.models.training.fit import PEAK_TO_FIRST, PLATEAU_FACTOR
from dwcpc.models.training.history import Epoch
from dwcpc.models.training.options import FitOptions


def rate_of_next_round(options: FitOptions, rounds: int, history: Sequence[Epoch]) -> float:
    """Return the rate after the rounds of `history`: rounds stand for the steps or epochs of one training."""
    if options.schedule == "cosine":
        return _cosine(options, (len(history) + 0.5) / rounds)
    patience = max(1, options.patience // 3)
    rate, best, since = options.learning_rate, math.inf, 0
    for epoch in history:
        better = epoch.validation_loss < best
        best, since = min(best, epoch.validation_loss), 0 if better else since + 1
        if since > patience:
            rate, since = rate * PLATEAU_FACTOR, 0
    return rate


def _cosine(options: FitOptions, progress: float) -> float:
    """Rise from a 25th of the peak and fall to nothing, along half a cosine each."""
    peak, share = options.learning_rate, options.warm_up_share
    if progress < share:
        return _along(peak / PEAK_TO_FIRST, peak, progress / share)
    return _along(peak, 0.0, (progress - share) / (1 - share))


def _along(first: float, last: float, progress: float) -> float:
    return last + (first - last) * (1 + math.cos(math.pi * progress)) / 2

"""What a forecaster is worth on fresh windows, target by target; every figure is better if higher.

    skill = 1 − MAE / MAE of persistence        correlation        accuracy = 1 − MAPE

Persistence answers what was measured last, on the very windows that are judged. A share of its error has no unit, and
five points of it are as much where nearly everything is foreseen: of correlations, 0.99 and 0.98 are one point apart,
and the second one's squared error is twice the first one's. The mean of absolute errors, because a few links make most
of the squared ones, so that intervals from a few dozen links promise too much (`forecast_power.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dwcpc.models.evaluation.forecast_evaluation import HIGHEST_MAPE, LOWEST_CORRELATION
from dwcpc.models.evaluation.regression import figures_of_sums, near_zero, row_terms
from dwcpc.models.retraining.comparison import Figures, Weights

SKILL: Final = "skill"
CORRELATION: Final = "correlation"
ACCURACY: Final = "accuracy"

TOLERANCE: Final = 0.05
"""Of persistence's error."""


def figure(target: str, name: str) -> str:
    """Return what the figure `name` of `target` is called."""
    return f"{target}_{name}"


def asked_for(target: str) -> dict[str, float]:
    """Return what the owners ask for, of which one is enough."""
    return {figure(target, CORRELATION): LOWEST_CORRELATION, figure(target, ACCURACY): 1 - HIGHEST_MAPE}


def forecast_figures(
    targets: tuple[str, ...], actual: NDArray[np.float64], last: NDArray[np.float64], predicted: NDArray[np.float64]
) -> Figures:
    """Return the figures of `predicted` [windows, targets] beside what came and what was `last`.

    A target near zero has no accuracy. A skill is NaN where persistence makes no error.
    """
    terms = [row_terms(actual[:, at], predicted[:, at]) for at in range(len(targets))]
    stacked = np.concatenate([*terms, np.abs(last - actual)], axis=1)
    told = [not near_zero(actual[:, at]) for at in range(len(targets))]

    def figures(weights: Weights | None) -> dict[str, float]:
        counts = np.ones(len(stacked)) if weights is None else weights.astype(np.float64)
        return dict(_figures(targets, counts @ stacked, told))

    return figures


def _figures(targets: tuple[str, ...], sums: NDArray[np.float64], told: list[bool]) -> Iterator[tuple[str, float]]:
    by_target = sums[: -len(targets)].reshape(len(targets), -1)
    persistence = sums[-len(targets) :] / by_target[:, 0]
    for target, own, last, percentage in zip(targets, by_target, persistence.tolist(), told, strict=True):
        found = figures_of_sums(own)
        yield figure(target, SKILL), 1 - found.mae / last if last else float("nan")
        yield figure(target, CORRELATION), found.correlation
        if percentage:
            yield figure(target, ACCURACY), 1 - found.mape

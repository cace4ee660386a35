"""Figures of a prediction beside what was measured, a target each.

MAPE leaves out values nearer to zero than `SMALLEST_SHARE` of the target's own mean magnitude, where a percentage means
nothing; `mape_values` is how many it is over. All figures follow from sums over rows, so that those of rows that are
drawn again, block by block, cost nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

SMALLEST_SHARE: Final = 0.01
NEAR_SHARE: Final = 0.1
NEAR_ROWS: Final = 0.25


@dataclass(frozen=True, slots=True)
class RegressionFigures:
    """MAE and RMSE in the target's unit, MAPE as a ratio; NaN where the target or the prediction does not vary."""

    mae: float
    rmse: float
    mape: float
    mape_values: int
    r2: float
    correlation: float


def regression_figures(actual: NDArray[np.floating], predicted: NDArray[np.floating]) -> RegressionFigures:
    """Compare [samples] of one target."""
    return figures_of_sums(row_terms(actual, predicted).sum(axis=0))


def row_terms(actual: NDArray[np.floating], predicted: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return what is summed for the figures, [samples, 10]; both are taken from the target's mean to keep digits."""
    y, p = actual.astype(np.float64), predicted.astype(np.float64)
    error = p - y
    away = np.abs(y) > SMALLEST_SHARE * np.abs(y).mean()
    share = np.abs(error) / np.where(away, np.abs(y), np.inf)
    y, p = y - y.mean(), p - y.mean()
    return np.stack([np.ones(len(y)), y, y * y, p, p * p, y * p, np.abs(error), error**2, share, away], axis=1)


def figures_of_sums(sums: NDArray[np.float64]) -> RegressionFigures:
    """Return the figures of rows whose terms add up to `sums` [10]."""
    count, y, yy, p, pp, yp, absolute, squared, share, away = sums.tolist()
    y_spread, p_spread = yy - y * y / count, pp - p * p / count
    y_varies, p_varies = y_spread > 1e-12 * yy, p_spread > 1e-12 * pp
    return RegressionFigures(
        mae=absolute / count,
        rmse=(squared / count) ** 0.5,
        mape=share / away if away else float("nan"),
        mape_values=round(away),
        r2=1 - squared / y_spread if y_varies else float("nan"),
        correlation=(yp - y * p / count) / (y_spread * p_spread) ** 0.5 if y_varies and p_varies else float("nan"),
    )


def within_correlation(actual: NDArray[np.floating], predicted: NDArray[np.floating], group: NDArray[Any]) -> float:
    """Return the correlation of what differs from each group's own mean: to know which link it is does not help it."""
    _, place = np.unique(group, return_inverse=True)
    count = np.bincount(place)
    y, p = (values - (np.bincount(place, values) / count)[place] for values in (actual, predicted))
    return regression_figures(y, p).correlation


def near_zero(actual: NDArray[np.floating]) -> bool:
    """Say whether a percentage means little: NEAR_ROWS of the values are below NEAR_SHARE of the mean magnitude."""
    magnitude = np.abs(actual.astype(np.float64))
    return bool((magnitude < NEAR_SHARE * magnitude.mean()).mean() > NEAR_ROWS)


def by_target(
    names: tuple[str, ...], actual: NDArray[np.floating], predicted: NDArray[np.floating]
) -> dict[str, RegressionFigures]:
    """Compare [samples, targets], a target each."""
    return {name: regression_figures(actual[:, at], predicted[:, at]) for at, name in enumerate(names)}

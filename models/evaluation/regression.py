"""Figures of a prediction beside what was measured, a target each.

MAPE leaves out values nearer to zero than `SMALLEST_SHARE` of the target's own mean magnitude, where a percentage means
nothing; `mape_values` is how many it is over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

SMALLEST_SHARE: Final = 0.01


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
    y, p = actual.astype(np.float64), predicted.astype(np.float64)
    error = p - y
    away = np.abs(y) > SMALLEST_SHARE * np.abs(y).mean()
    spread = float(np.square(y - y.mean()).sum())
    varies = spread > 0 and float(np.ptp(p)) > 0
    return RegressionFigures(
        mae=float(np.abs(error).mean()),
        rmse=float(np.sqrt(np.square(error).mean())),
        mape=float(np.abs(error[away] / y[away]).mean()) if away.any() else float("nan"),
        mape_values=int(away.sum()),
        r2=1 - float(np.square(error).sum()) / spread if spread > 0 else float("nan"),
        correlation=float(np.corrcoef(y, p)[0, 1]) if varies else float("nan"),
    )


def by_target(
    names: tuple[str, ...], actual: NDArray[np.floating], predicted: NDArray[np.floating]
) -> dict[str, RegressionFigures]:
    """Compare [samples, targets], a target each."""
    return {name: regression_figures(actual[:, at], predicted[:, at]) for at, name in enumerate(names)}

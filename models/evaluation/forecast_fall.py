"""How far a bundle's figures are behind the source model's, in points: shares times a hundred.

Correlation, R² and, where the target is not near zero, MAPE are shares; MAE and RMSE have units, and R² tells of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from dwcpc.models.evaluation.forecast_evaluation import ForecastEvaluation, TargetEvaluation

LARGEST_FALL: Final = 0.002
"""0.2 points."""


@dataclass(frozen=True, slots=True)
class Fall:
    """The figure that fell by most, and by how much; below 0 where all rose, 1 where one is no longer defined."""

    data: str
    target: str
    figure: str
    fall: float

    def __str__(self) -> str:
        """Return it as a person reads it."""
        return f"{self.figure} of {self.target}, {self.data}: {100 * self.fall:.3f} points"


def largest_fall(source: Sequence[ForecastEvaluation], served: Sequence[ForecastEvaluation]) -> Fall:
    """Compare evaluations on the same sets of windows, in the same order."""
    falls = [
        Fall(before.data, target, figure, 1.0 if math.isnan(fall) else fall)
        for before, after in zip(source, served, strict=True)
        for target in before.targets
        for figure, fall in _falls(before.targets[target], after.targets[target])
    ]
    return max(falls, key=lambda each: each.fall)


def _falls(before: TargetEvaluation, after: TargetEvaluation) -> Iterator[tuple[str, float]]:
    """Yield what each figure that was defined has lost."""
    one, other = before.figures, after.figures
    if not math.isnan(one.correlation):
        yield "correlation", one.correlation - other.correlation
    if not math.isnan(one.r2):
        yield "R²", one.r2 - other.r2
    if not before.near_zero:
        yield "MAPE", other.mape - one.mape

"""The evaluation of a forecaster on one set of windows: figures of each target, with intervals by whole links."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dwcpc.models.data.sequences import Sequences
from dwcpc.models.evaluation.bootstrap import Interval, blocks_of, bootstrap
from dwcpc.models.evaluation.regression import (
    RegressionFigures,
    figures_of_sums,
    near_zero,
    regression_figures,
    row_terms,
    within_correlation,
)

SEED: Final = 0
ENOUGH_GROUPS: Final = 20
"""Whole groups are drawn again where there are so many, else blocks of neighbouring windows."""
BLOCK_WINDOWS: Final = 32

LOWEST_CORRELATION: Final = 0.98
HIGHEST_MAPE: Final = 0.05
"""What the owners ask for: one of the two, and where a target is near zero the first."""


@dataclass(frozen=True, slots=True)
class TargetEvaluation:
    """`within` is the correlation of what differs from each link's mean; `near_zero` says that MAPE means little."""

    figures: RegressionFigures
    intervals: dict[str, Interval]
    within: float
    near_zero: bool

    @property
    def reached(self) -> bool:
        """Return whether it is as good as asked for."""
        by_percentage = not self.near_zero and self.figures.mape <= HIGHEST_MAPE
        return self.figures.correlation >= LOWEST_CORRELATION or by_percentage


@dataclass(frozen=True, slots=True)
class ForecastEvaluation:
    """`data` and `model` name what was judged on what; `blocks` are what the intervals are drawn from."""

    data: str
    model: str
    samples: int
    groups: int
    blocks: int
    targets: dict[str, TargetEvaluation]


def evaluate_forecast(
    data: str, model: str, names: Sequence[str], sequences: Sequences, predicted: NDArray[np.floating]
) -> ForecastEvaluation:
    """Judge `predicted` [windows, targets] beside what came."""
    groups = len(np.unique(sequences.group))
    block = blocks_of_links(sequences)
    return ForecastEvaluation(
        data=data,
        model=model,
        samples=len(sequences),
        groups=groups,
        blocks=int(block.max()) + 1,
        targets={
            name: evaluate_target(sequences.y[:, at], predicted[:, at], sequences.group, block)
            for at, name in enumerate(names)
        },
    )


def evaluate_target(
    actual: NDArray[np.floating], predicted: NDArray[np.floating], group: NDArray[Any], block: NDArray[np.int64]
) -> TargetEvaluation:
    """Judge one target, [windows] each."""
    terms = row_terms(actual, predicted)
    sums = np.stack([np.bincount(block, terms[:, at]) for at in range(terms.shape[1])], axis=1)

    def drawn(weights: NDArray[np.int64]) -> RegressionFigures:
        return figures_of_sums(weights.astype(np.float64) @ sums)

    return TargetEvaluation(
        figures=regression_figures(actual, predicted),
        intervals=bootstrap(np.arange(len(sums)), drawn, seed=SEED),
        within=within_correlation(actual, predicted, group),
        near_zero=near_zero(actual),
    )


def blocks_of_links(sequences: Sequences) -> NDArray[np.int64]:
    """Return the block of each window: its link, or a stretch of neighbouring windows where there are few links."""
    groups, place = np.unique(sequences.group, return_inverse=True)
    if len(groups) >= ENOUGH_GROUPS:
        return place.astype(np.int64)
    return blocks_of(sequences.group, sequences.time, BLOCK_WINDOWS)

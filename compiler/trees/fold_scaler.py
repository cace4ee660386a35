"""Scalers vanish into the thresholds of the trees behind them.

Scaling never decreases, so at each split there is one largest float32 x with scaled(x) <= threshold: with that x as the
threshold the split decides on raw values as it did on scaled ones, for every float32, infinities included; NaN stays
NaN and goes where it went. It is found by bisection over all float32 with the scalers' own arithmetic.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dwcpc.compiler.float32_order import last_true
from dwcpc.compiler.scalers import stepwise

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.compiler.scalers import Scaling
    from dwcpc.compiler.trees.forest import Forest


FOLD_SCALERS = "fold_scaler_into_thresholds"  # the name of this step in the metadata


@dataclass(frozen=True, slots=True)
class Folded:
    """The forest on raw values and how many of its thresholds moved; or the forest as it was and the reasons why."""

    forest: Forest
    moved: int
    refused: tuple[str, ...] = ()


def fold_scalers(forest: Forest, scalers: Sequence[Scaling]) -> Folded:
    """Return the forest that decides on raw values as `forest` does behind `scalers`."""
    splits = np.flatnonzero(forest.is_split)
    if not scalers or not len(splits):
        return Folded(forest, 0)
    # One whole number for each pair of a feature and a threshold: many splits share theirs.
    pairs = (forest.feature[splits].astype(np.uint64) << 32) | forest.threshold[splits].view(np.uint32)
    distinct, inverse = np.unique(pairs, return_inverse=True)
    features = (distinct >> 32).astype(np.int32)
    thresholds = distinct.astype(np.uint32).view(np.float32)
    raw = raw_thresholds(features, thresholds, scalers)[inverse]
    unreachable = int(np.isnan(raw).sum())
    if unreachable:
        reason = f"a scaler clips, and {unreachable} thresholds lie below what it gives: no raw threshold does the same"
        return Folded(forest, 0, (reason,))
    folded = forest.threshold.copy()
    folded[splits] = raw
    return Folded(dataclasses.replace(forest, threshold=folded), int((raw != forest.threshold[splits]).sum()))


def raw_thresholds(
    features: NDArray[np.int32], thresholds: NDArray[np.float32], scalers: Sequence[Scaling]
) -> NDArray[np.float32]:
    """Return, for each pair of a feature and a threshold [n], the largest float32 that `scalers` take to at most it.

    NaN where they take even −∞ above it, which only a scaler that clips does.
    """
    steps = [
        (operation, operand[features] if operand.ndim else operand)
        for scaler in scalers
        for operation, operand in scaler.steps
    ]

    def stays_left(values: NDArray[np.float32]) -> NDArray[np.bool_]:
        return np.asarray(stepwise(values, steps) <= thresholds)

    count = len(features)
    lowest = stays_left(np.full(count, -np.inf, np.float32))
    return np.where(lowest, last_true(stays_left, count), np.float32(np.nan))

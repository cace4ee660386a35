"""Where the values of each feature lie, in raw units, as far as a model itself says: by its scalers and its splits.

Without scalers the values of features on which nothing splits are taken for standard normal.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dwcpc.compiler.trees.fold_scaler import fold_scalers, raw_thresholds
from dwcpc.parity.cases import IQR_OF_NORMAL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.compiler.scalers import Scaling
    from dwcpc.compiler.trees.forest import Forest

LONE_SPREAD = 0.1  # of the threshold, where a feature has but one
JITTER = 0.5  # of the spread of a feature's thresholds, around one of them
# Scaled values taken to lie one spread below the center, at it, and one above.
UNITS = {"MinMaxScaler": (0.25, 0.5, 0.75)}
NORMAL_UNITS = (-1.0, 0.0, 1.0)
LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True, slots=True)
class SplitRanges:
    """Feature f is split at `thresholds[start[f] : start[f] + count[f]]`, sorted; elsewhere its only entry is a center.

    All but the thresholds are [features]; `spread` is above 0.
    """

    thresholds: NDArray[np.float64]
    start: NDArray[np.int64]
    count: NDArray[np.int64]
    spread: NDArray[np.float64]

    def draw(self, rng: np.random.Generator, rows: int, magnitude: float) -> NDArray[np.float64]:
        """Return rows [rows, features]: each value normal around one of its feature's thresholds."""
        picked = self.start + (rng.random((rows, len(self.start))) * self.count).astype(np.int64)
        return self.thresholds[picked] + magnitude * JITTER * self.spread * rng.standard_normal(picked.shape)


@dataclass(frozen=True, slots=True)
class FeatureRanges:
    """`center` and `spread` [features] > 0 as the scalers have them, and the splits, where there are trees.

    `is_scaled`: there are scalers, so that center and spread mean something.
    """

    center: NDArray[np.float64]
    spread: NDArray[np.float64]
    is_scaled: bool
    splits: SplitRanges | None = None

    @property
    def reach(self) -> NDArray[np.float64]:
        """How far [features] values lie from one threshold or another."""
        return self.spread if self.splits is None else self.splits.spread

    def draw(self, rng: np.random.Generator, rows: int, magnitude: float = 1.0) -> NDArray[np.float32]:
        """Return rows [rows, features]: by the scalers, by the splits, or every other one where there are both."""
        raw = self.center + magnitude * self.spread * rng.standard_normal((rows, len(self.center)))
        if self.splits is not None:
            by_splits = slice(None, None, 2 if self.is_scaled else 1)
            raw[by_splits] = self.splits.draw(rng, len(raw[by_splits]), magnitude)
        return np.clip(raw, -LARGEST, LARGEST).astype(np.float32)


def ranges_of_scalers(features: int, scalers: Sequence[Scaling]) -> FeatureRanges:
    """Return the ranges by the units of the last scaler."""
    points = UNITS.get(scalers[-1].type, NORMAL_UNITS) if scalers else NORMAL_UNITS
    columns = np.arange(features, dtype=np.int32)
    low, center, high = (
        raw_thresholds(columns, np.full(features, point, np.float32), scalers).astype(np.float64) for point in points
    )
    center = np.where(np.isfinite(center), center, 0.0)
    with np.errstate(invalid="ignore"):
        spread = (high - low) / 2
    spread = np.where(np.isfinite(spread), spread, 1.0)
    # A scale below the resolution of float32 at its center leaves a single value.
    return FeatureRanges(center, np.maximum(spread, _resolution(center)), bool(scalers))


def ranges_of_splits(raw: Forest, scalers: Sequence[Scaling]) -> FeatureRanges:
    """Return the ranges by the scalers and the thresholds of `raw`, into which they are folded."""
    ranges = ranges_of_scalers(raw.features, scalers)
    splits = np.flatnonzero(raw.is_split & (np.abs(raw.threshold) < LARGEST))
    feature, threshold = raw.feature[splits], raw.threshold[splits].astype(np.float64)
    unsplit = np.setdiff1d(np.arange(raw.features, dtype=np.int32), feature)
    feature, threshold = np.append(feature, unsplit), np.append(threshold, ranges.center[unsplit])
    thresholds = threshold[np.lexsort((threshold, feature))]
    count = np.bincount(feature, minlength=raw.features)
    start = np.cumsum(count) - count
    spread = (thresholds[start + 3 * count // 4] - thresholds[start + count // 4]) / IQR_OF_NORMAL
    lone = np.maximum(LONE_SPREAD * np.abs(thresholds[start]), _resolution(thresholds[start]))
    spread = np.where(spread > 0, spread, lone)
    spread[unsplit] = ranges.spread[unsplit]
    return dataclasses.replace(ranges, splits=SplitRanges(thresholds, start, count, spread))


def raw_forest(forest: Forest, scalers: Sequence[Scaling]) -> Forest:
    """Return the forest that decides on finite raw values as `forest` does behind `scalers`.

    A threshold is −∞ where no finite raw value goes left, as behind a scaler that clips.
    """
    folded = fold_scalers(forest, scalers)
    if not folded.refused:
        return folded.forest
    splits = np.flatnonzero(forest.is_split)
    raw = raw_thresholds(forest.feature[splits], forest.threshold[splits], scalers)
    threshold = forest.threshold.copy()
    threshold[splits] = np.where(np.isnan(raw), np.float32(-np.inf), raw)
    return dataclasses.replace(forest, threshold=threshold)


def _resolution(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the distance of neighbouring float32 at `values`."""
    return np.spacing(np.abs(values).astype(np.float32)).astype(np.float64)

"""Raw windows as a service might pass them: a column's values lie where the model's own features say that they do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dwcpc.compiler.features.lowering.reading_order import reading_order
from dwcpc.compiler.features.spec import Indicator, Periodic, Step, WeightedSum
from dwcpc.compiler.scalers import Scaler
from dwcpc.parity.estimators.feature_ranges import FeatureRanges, ranges_of_scalers, ranges_of_splits, raw_forest
from dwcpc.parity.runners.estimator_source import EstimatorSource

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.compiler.features.spec import FeatureSpec
    from dwcpc.compiler.features.use import FeatureUse
    from dwcpc.parity.runners.source import SourceModel

# Features whose values lie where those of their column do, the truest first.
LIKE_THE_COLUMN = ("copy", "clip", "lag", "rolling_mean", "rolling_max", "rolling_min")
STEADY = 0.3  # of the reach: how far the samples of a steady window lie from its level


@dataclass(frozen=True, slots=True)
class WindowRanges:
    """`like` is, for each column, the feature whose ranges are its own, and −1 where there is none."""

    use: FeatureUse
    features: FeatureRanges
    like: tuple[int, ...]

    def draw(self, rng: np.random.Generator, count: int, magnitude: float = 1.0) -> NDArray[np.float32]:
        """Return windows [count, samples, columns]: half of them steady, half independent in time."""
        samples, columns = self.use.raw_shape
        windows = np.empty((count, samples, columns), np.float32)
        free = self.features.draw(rng, count * samples, magnitude).reshape(count, samples, -1)
        level = self.features.draw(rng, count, magnitude)[:, None]
        steady = level + STEADY * self.features.reach * rng.standard_normal(free.shape)
        with np.errstate(over="ignore"):
            free[: count // 2] = steady[: count // 2].astype(np.float32)
        for at, column in enumerate(self.use.spec.columns):
            if column.is_category:
                windows[..., at] = rng.integers(len(column.categories), size=(count, 1))
            elif self.like[at] >= 0:
                windows[..., at] = free[..., self.like[at]]
            else:
                windows[..., at] = self._unlike(rng, at, (count, samples), magnitude)
        limit = np.finfo(np.float32).max
        return np.clip(windows, -limit, limit)

    def _unlike(
        self, rng: np.random.Generator, column: int, shape: tuple[int, int], magnitude: float
    ) -> NDArray[np.float64]:
        """Return values of a column that no feature resembles: of a period, at a threshold, a share of a sum, or 1."""
        spec, outputs = self.use.spec, [step.name for step in self.use.spec.steps if step.output]
        z = magnitude * rng.standard_normal(shape)
        for step, sources in zip(spec.steps, reading_order(spec).sources, strict=True):
            if column not in sources:
                continue
            if isinstance(step, Periodic):
                return magnitude * step.period * rng.random(shape)
            if isinstance(step, Indicator):
                limit = step.above if step.above is not None else step.below or 0.0
                return limit + max(abs(limit), 1e-3) * z
            if step.op in ("sum", "weighted_sum") and step.output:
                feature, share = outputs.index(step.name), _share(step, sources.index(column))
                total: NDArray[np.float64] = self.features.center[feature] + self.features.spread[feature] * z
                return share * total
        return 1.0 + z


def window_ranges(source: SourceModel | EstimatorSource, use: FeatureUse) -> WindowRanges:
    """Return the ranges of the columns of `use`, by the scalers and the splits of `source`."""
    return WindowRanges(use, _feature_ranges(source, len(use.spec.features)), _likenesses(use.spec))


def _feature_ranges(source: SourceModel | EstimatorSource, features: int) -> FeatureRanges:
    if not isinstance(source, EstimatorSource):
        return ranges_of_scalers(features, () if source.scaler is None else (_in_spreads(source.scaler),))
    if source.forest is None:
        return ranges_of_scalers(features, source.scalers)
    return ranges_of_splits(raw_forest(source.forest, source.scalers), source.scalers)


def _in_spreads(scaler: Scaler) -> Scaler:
    return Scaler("StandardScaler", scaler.center, scaler.scale)


def _likenesses(spec: FeatureSpec) -> tuple[int, ...]:
    order = reading_order(spec)
    like = [-1] * len(spec.columns)
    for op in reversed(LIKE_THE_COLUMN):
        feature = 0
        for step, sources in zip(spec.steps, order.sources, strict=True):
            if step.op == op and step.output and sources[0] < len(like):
                like[sources[0]] = feature
            feature += step.output
    return tuple(like)


def _share(step: Step, operand: int) -> float:
    """Return what the operand of a sum is, as a share of the sum, where all operands contribute alike."""
    if not isinstance(step, WeightedSum):
        return 1.0 / len(step.sources)
    term = step.terms[operand]
    return 0.0 if term.weight == 0 else (term.per or 1.0) / (term.weight * len(step.terms))

"""Where values lie: around a feature's own thresholds, in raw units, and in the scalers' units."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dwcpc.compiler.min_max import MinMaxScaling
from dwcpc.compiler.scalers import Scaler
from dwcpc.parity.estimators.feature_ranges import ranges_of_scalers, ranges_of_splits, raw_forest

SCALER = Scaler("RobustScaler", (0.0, 12.0, -3.0, 5e6, 0.25), (1.0, 6.4e-7, 73.9, 2e6, 1e-3))


def test_scalers_say_where_their_units_lie() -> None:
    ranges = ranges_of_scalers(5, (SCALER,))
    np.testing.assert_allclose(ranges.center, SCALER.center, atol=1e-6)
    expected = np.maximum(np.array(SCALER.scale), np.spacing(np.float32(12)) * (np.arange(5) == 1))
    np.testing.assert_allclose(ranges.spread, expected, rtol=1e-3)


def test_a_scaler_to_the_unit_interval_is_drawn_within_it() -> None:
    clipping = MinMaxScaling((0.1, 2.0), (0.5, -7.0), (0.0, 1.0))
    rows = ranges_of_scalers(2, (clipping,)).draw(np.random.default_rng(0), 1000)
    scaled = clipping.transform(rows)
    assert (np.quantile(scaled, 0.2, axis=0) > 0.1).all()
    assert (np.quantile(scaled, 0.8, axis=0) < 0.9).all()


def test_without_scalers_features_are_standard_normal() -> None:
    ranges = ranges_of_scalers(3, ())
    np.testing.assert_array_equal(ranges.center, 0)
    np.testing.assert_array_equal(ranges.spread, 1)


def test_rows_are_drawn_around_the_thresholds_of_their_feature(random_forest: Callable) -> None:
    forest = random_forest(12, 5, 5)
    offset = np.array([0, 1e3, -1e5, 0, 1e-6])
    spread = np.array([1, 2, 1e4, 1e-3, 1e-9])
    at = np.maximum(forest.feature, 0)
    forest.threshold[:] = np.where(forest.is_split, forest.threshold * spread[at] + offset[at], 0)
    rows = ranges_of_splits(forest, ()).draw(np.random.default_rng(0), 2000)
    for feature in range(5):
        own = forest.threshold[forest.is_split & (forest.feature == feature)]
        passed = (rows[:, feature, None] <= own).mean(axis=0)
        assert ((passed > 0.01) & (passed < 0.99)).all()


def test_a_feature_with_one_threshold_has_values_on_both_sides_of_it(random_forest: Callable) -> None:
    forest = random_forest(12, 5, 5)
    forest.threshold[:] = np.where(forest.is_split, np.float32(1e6), 0)
    rows = ranges_of_splits(forest, ()).draw(np.random.default_rng(0), 1000)
    assert ((rows <= 1e6).mean(axis=0) > 0.3).all()
    assert ((rows > 1e6).mean(axis=0) > 0.3).all()


def test_thresholds_are_raw_behind_a_scaler_and_infinite_where_nothing_goes_left(random_forest: Callable) -> None:
    forest = random_forest(12, 5, 5)
    clipping = MinMaxScaling((1.0,) * 5, (0.0,) * 5, (0.0, 1.0))
    splits = forest.is_split
    raw = raw_forest(forest, (clipping,)).threshold[splits]
    np.testing.assert_array_equal(np.isneginf(raw), forest.threshold[splits] < 0)
    inside = (forest.threshold[splits] > 0) & (forest.threshold[splits] < 1)
    np.testing.assert_array_equal(raw[inside], forest.threshold[splits][inside])
    assert raw_forest(forest, ()) is forest


def test_every_value_is_a_finite_float32(random_forest: Callable) -> None:
    forest = random_forest(12, 5, 5)
    forest.threshold[forest.is_split] = np.resize(np.float32([3e38, -3e38, np.inf, 1e-45]), forest.is_split.sum())
    rows = ranges_of_splits(forest, ()).draw(np.random.default_rng(0), 500, 10.0)
    assert rows.dtype == np.float32
    assert np.isfinite(rows).all()

"""Trees on raw values decide as they did behind the scalers: on every float32, and not only on random ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

from dwcpc.compiler.min_max import MinMaxScaling
from dwcpc.compiler.scalers import Scaler
from dwcpc.compiler.trees.fold_scaler import Folded, fold_scalers, raw_thresholds

FEATURES = 6
# The real scaler's smallest scale, a center that swallows the value, a step that changes nothing, one that overflows.
SCALER = Scaler("RobustScaler", (20.0, 0.01, 1e8, 0.0, -3.5, 0.0), (5.0, 6.399e-7, 1.0, 1.0, 73.9, 1e-30))
CLIPPED = MinMaxScaling((0.5, 3.0, 1e-3, 1.0, 7.0, 1e20), (0.1, -4.0, 0.0, 0.0, 2.0, 0.0), (-1.0, 1.0))
CHAINS = {
    "robust": (SCALER,),
    "min_max": (MinMaxScaling(CLIPPED.scale, CLIPPED.offset),),
    "clipped": (CLIPPED,),
    "two": (SCALER, MinMaxScaling((0.3,) * FEATURES, (-0.7,) * FEATURES)),
}


def scaled(rows, scalers):
    for scaler in scalers:
        rows = scaler.transform(rows)
    return rows


def neighbours(values, count=3):
    """Return the values with `count` float32 on either side."""
    around = [values]
    for toward in (np.float32(np.inf), np.float32(-np.inf)):
        moved = values
        for _ in range(count):
            moved = np.nextafter(moved, toward)
            around.append(moved)
    return np.concatenate(around)


@pytest.mark.parametrize("chain", CHAINS)
def test_the_folded_forest_reaches_the_same_leaves(chain, grown, leaves_of, hostile):
    thresholds = np.linspace(-1, 1, 40) if chain == "clipped" else None
    forest = grown(8, 6, FEATURES, seed=1, missing=True, thresholds=thresholds)
    result = fold_scalers(forest, CHAINS[chain])
    folded, moved = result.forest, result.moved
    assert not result.refused
    rows = hostile(folded, 600)  # on the thresholds that the fold says are the right ones
    assert np.array_equal(leaves_of(folded, rows), leaves_of(forest, scaled(rows, CHAINS[chain])))
    assert 0 < moved <= forest.is_split.sum()
    assert moved == (folded.threshold != forest.threshold).sum()


@pytest.mark.parametrize("chain", CHAINS)
def test_each_threshold_is_the_last_raw_value_that_goes_left(chain):
    rng = np.random.default_rng(0)
    features = rng.integers(0, FEATURES, 500).astype(np.int32)
    thresholds = (rng.normal(size=500) * 3).astype(np.float32)
    if chain == "clipped":
        thresholds = np.clip(thresholds, -1, 1)
    raw = raw_thresholds(features, thresholds, CHAINS[chain])
    rows = np.zeros((500, FEATURES), np.float32)

    def goes_left(values):
        rows[np.arange(500), features] = values
        return scaled(rows, CHAINS[chain])[np.arange(500), features] <= thresholds

    assert goes_left(raw).all()
    above = np.nextafter(raw, np.float32(np.inf))
    assert not goes_left(above)[raw < np.inf].any()


def test_a_threshold_moved_by_one_float32_is_seen():
    """The comparison above can fail: the neighbour of a folded threshold decides differently somewhere."""
    raw = raw_thresholds(np.array([1], np.int32), np.array([0.5], np.float32), (SCALER,))
    row = np.zeros((1, FEATURES), np.float32)
    row[0, 1] = np.nextafter(raw[0], np.float32(np.inf))
    assert not scaled(row, (SCALER,))[0, 1] <= 0.5


def test_multiplying_by_the_reciprocal_would_not_do(grown):
    """skl2onnx's Scaler computes (x − center) · (1 / scale): thresholds folded by that arithmetic are others."""
    forest = grown(20, 6, FEATURES, seed=2)
    reciprocal = MinMaxScaling(
        tuple(1 / np.array(SCALER.scale)), tuple(-np.array(SCALER.center) / np.array(SCALER.scale))
    )
    ours, theirs = (fold_scalers(forest, (each,)).forest.threshold for each in (SCALER, reciprocal))
    assert (ours != theirs).any()


@pytest.mark.parametrize("threshold", [np.inf, -np.inf, 3.4e38, -3.4e38, 1e-45, 0.0])
def test_extreme_thresholds(threshold):
    features = np.arange(FEATURES, dtype=np.int32)
    thresholds = np.full(FEATURES, threshold, np.float32)
    raw = raw_thresholds(features, thresholds, (SCALER,))
    assert (SCALER.transform(raw) <= thresholds).all()
    with np.errstate(over="ignore"):
        above = np.nextafter(raw, np.float32(np.inf))
    finite = raw < np.inf
    assert not (SCALER.transform(above) <= thresholds)[finite].any()


def test_refuses_thresholds_below_what_a_clipping_scaler_gives(grown):
    """Behind it even −∞ goes right there, and no raw threshold says so."""
    forest = grown(8, 6, FEATURES, thresholds=[-1.5, 0.0])
    result = fold_scalers(forest, (CLIPPED,))
    assert result.forest is forest
    assert result.refused[0].startswith("a scaler clips, and ")


def test_without_scalers_nothing_moves(grown):
    forest = grown(3, 3, FEATURES)
    assert fold_scalers(forest, ()) == Folded(forest, 0)


def test_a_forest_of_leaves_alone_has_nothing_to_fold(grown):
    forest = grown(3, 0, FEATURES)
    assert fold_scalers(forest, (SCALER,)) == Folded(forest, 0)


@pytest.mark.parametrize(
    "sklearn_scaler", [RobustScaler(), StandardScaler(), MinMaxScaler((-1, 2)), MinMaxScaler(clip=True)]
)
def test_agrees_with_scikit_learn_itself_around_every_threshold(sklearn_scaler):
    data = np.random.default_rng(3).lognormal(size=(300, FEATURES)).astype(np.float32)
    fitted = sklearn_scaler.fit(data)
    if isinstance(fitted, MinMaxScaler):
        limits = tuple(map(float, fitted.feature_range)) if fitted.clip else None
        ours = MinMaxScaling(tuple(fitted.scale_.tolist()), tuple(fitted.min_.tolist()), limits)
    else:
        center = fitted.center_ if isinstance(fitted, RobustScaler) else fitted.mean_.astype(np.float32)
        scale = fitted.scale_ if isinstance(fitted, RobustScaler) else fitted.scale_.astype(np.float32)
        ours = Scaler(type(fitted).__name__, tuple(map(float, center)), tuple(map(float, scale)))
    features = np.repeat(np.arange(FEATURES, dtype=np.int32), 50)
    thresholds = fitted.transform(data)[:50].T.reshape(-1)
    raw = raw_thresholds(features, thresholds, (ours,))
    asked = np.isfinite(raw)  # scikit-learn refuses infinities
    features, thresholds, raw = features[asked], thresholds[asked], raw[asked]
    values = neighbours(raw)
    rows = np.zeros((len(values), FEATURES), np.float32)
    columns = np.tile(features, len(values) // len(features))
    rows[np.arange(len(values)), columns] = values
    by_sklearn = fitted.transform(rows)[np.arange(len(values)), columns] <= np.tile(
        thresholds, len(values) // len(features)
    )
    assert np.array_equal(values <= np.tile(raw, len(values) // len(features)), by_sklearn)
    assert 0 < by_sklearn.sum() < len(values)


@settings(max_examples=60, deadline=None)
@given(
    st.floats(-1e6, 1e6),
    st.floats(1e-7, 1e6),
    st.floats(width=32, allow_nan=False),
    st.floats(width=32, allow_nan=False),
)
def test_for_any_scaler_threshold_and_value(center, scale, threshold, value):
    scaler = Scaler("RobustScaler", (center,), (scale,))
    raw = raw_thresholds(np.zeros(1, np.int32), np.array([threshold], np.float32), (scaler,))
    x = np.array([value], np.float32)
    assert bool((x <= raw)[0]) == bool(scaler.transform(x)[0] <= np.float32(threshold))

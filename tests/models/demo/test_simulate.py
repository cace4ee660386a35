import numpy as np
import pytest

from dwcpc.models.demo.simulate import METRICS, TIMESTEPS, faulty_windows, normal_windows

SHARE = 0.15
"""How far a statistic of 500 windows may be from its process, in spreads."""


@pytest.mark.parametrize("windows", [normal_windows, faulty_windows])
def test_windows_are_told_by_the_seed_alone(windows):
    np.testing.assert_array_equal(windows(4, seed=1), windows(4, seed=1))
    assert not np.array_equal(windows(4, seed=1), windows(4, seed=2))


@pytest.mark.parametrize("windows", [normal_windows, faulty_windows])
def test_windows_are_finite_float32_in_raw_units(windows):
    x = windows(50, seed=1)
    assert x.shape == (50, TIMESTEPS, len(METRICS))
    assert x.dtype == np.float32
    assert np.isfinite(x).all()
    cut = [index for index, metric in enumerate(METRICS) if not metric.may_be_negative]
    assert (x[..., cut] >= 0).all()


def offset_in_spreads(x):
    """Return the largest distance of a metric's mean from its centre."""
    centre = np.array([metric.centre for metric in METRICS])
    spread = np.array([metric.spread for metric in METRICS])
    return np.abs((x.astype(np.float64).mean(axis=(0, 1)) - centre) / spread).max()


def test_normal_metrics_lie_around_their_centres_and_faulty_ones_do_not():
    assert offset_in_spreads(normal_windows(500, seed=1)) < SHARE
    assert offset_in_spreads(faulty_windows(500, seed=1)) > SHARE


def test_metrics_differ_in_scale_by_nine_orders():
    spreads = [metric.spread for metric in METRICS]
    assert max(spreads) / min(spreads) > 1e9

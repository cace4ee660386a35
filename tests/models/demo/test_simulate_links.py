import numpy as np

from dwcpc.models.demo.simulate import TIMESTEPS
from dwcpc.models.demo.simulate_links import FEATURES, TARGET_CENTRES, TARGET_SPREADS, link_windows

SHARE = 0.35
"""How far a mean of 500 windows, each with memory, may be from its centre, in spreads."""


def test_windows_and_targets_are_told_by_the_seed_alone():
    first, again, other = link_windows(4, seed=1), link_windows(4, seed=1), link_windows(4, seed=2)
    np.testing.assert_array_equal(first.x, again.x)
    np.testing.assert_array_equal(first.y, again.y)
    assert not np.array_equal(first.x, other.x)
    assert not np.array_equal(first.y, other.y)


def test_windows_are_finite_float32_in_raw_units():
    links = link_windows(500, seed=1)
    assert links.x.shape == (500, TIMESTEPS, FEATURES)
    assert links.y.shape == (500, len(TARGET_CENTRES))
    assert links.x.dtype == links.y.dtype == np.float32
    assert np.isfinite(links.x).all()
    assert (links.y >= 0).all()
    assert (np.abs(links.y.mean(axis=0) - TARGET_CENTRES) < SHARE * np.array(TARGET_SPREADS)).all()


def unexplained(x, y):
    """Return the share of each target's variance that a linear regression on the last timestep of `x` leaves."""
    last = x[:, -1].astype(np.float64)
    last = np.c_[(last - last.mean(axis=0)) / last.std(axis=0), np.ones(len(x))]
    y = (y - y.mean(axis=0)) / y.std(axis=0)
    half = len(x) // 2
    weights = np.linalg.lstsq(last[:half], y[:half], rcond=None)[0]
    return np.square(last[half:] @ weights - y[half:]).mean(axis=0)


def test_targets_can_be_learnt_from_windows_and_not_from_those_of_others():
    links = link_windows(2000, seed=1)
    assert (unexplained(links.x, links.y) < 0.6).all()
    assert (unexplained(links.x[::-1], links.y) > 0.9).all()

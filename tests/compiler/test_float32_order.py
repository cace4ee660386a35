"""float32 as whole numbers: in the order of the numbers, neighbours one apart; bisection finds the last that holds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwcpc.compiler.float32_order import HIGHEST, LOWEST, from_ordinal, last_true, ordinal

FLOATS = st.floats(width=32, allow_nan=False)
ENDS = np.array([-np.inf, -3.4028235e38, -1.0, -1e-45, -0.0, 0.0, 1e-45, 1.0, 3.4028235e38, np.inf], np.float32)


def test_the_order_is_that_of_the_numbers_with_minus_zero_before_zero():
    ordinals = ordinal(ENDS)
    assert (np.diff(ordinals) > 0).all()
    assert ordinals[5] - ordinals[4] == 1
    assert (ordinals[0], ordinals[-1]) == (LOWEST, HIGHEST)


@given(FLOATS)
def test_there_and_back_gives_the_same_bits_and_neighbours_are_one_apart(number):
    value = np.array([number], np.float32)
    back = from_ordinal(ordinal(value))
    assert back.view(np.uint32) == value.view(np.uint32)
    if np.isfinite(value).all() and value != 0:
        above = np.nextafter(value, np.float32(np.inf))
        if above != 0:
            assert ordinal(above) - ordinal(value) == 1


@given(st.lists(FLOATS, min_size=1, max_size=20))
def test_the_last_float32_that_is_at_most_a_bound_is_the_bound(bounds):
    bounds = np.array(bounds, np.float32)
    assert (last_true(lambda x: x <= bounds, len(bounds)) == bounds).all()


@pytest.mark.parametrize("bound", [-np.inf, -1.5, 0.0, 2.0])
def test_strictly_below_is_the_neighbour_below(bound):
    if bound == -np.inf:
        found = last_true(lambda x: x <= np.float32(bound), 1)
        assert found == -np.inf
        return
    found = last_true(lambda x: x < np.float32(bound), 1)[0]
    assert found == np.nextafter(np.float32(bound), np.float32(-np.inf))


def test_what_always_holds_ends_at_infinity():
    assert last_true(lambda x: np.ones(len(x), bool), 3).tolist() == [np.inf] * 3

"""Finiteness: NaN, each infinity and numbers stand where the reference has them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from dwcpc.parity.checks.base import Comparison
from dwcpc.parity.checks.finiteness import finiteness

Make = Callable[..., Comparison]
KINDS = [1.0, np.nan, np.inf, -np.inf]


@pytest.mark.parametrize("source", KINDS)
@pytest.mark.parametrize("candidate", KINDS)
def test_each_kind_of_value_agrees_with_itself_alone(comparison: Make, source: float, candidate: float) -> None:
    expected = {"y": np.array([0.0, source])}
    answered = {"y": np.array([0.0, candidate], np.float32)}
    (result,) = finiteness(comparison(expected=expected, outputs=answered, decision=None))
    same = np.array_equal([source], [candidate], equal_nan=True)
    assert result.passed is same
    assert result.worst == (0 if same else 1)


def test_a_reference_beyond_float32_is_the_infinity_that_float32_makes_of_it(comparison: Make) -> None:
    expected = {"y": np.array([1e300, -1e300])}
    right = {"y": np.array([np.inf, -np.inf], np.float32)}
    wrong = {"y": np.array([np.inf, np.inf], np.float32)}
    assert finiteness(comparison(expected=expected, outputs=right))[0].passed
    assert not finiteness(comparison(expected=expected, outputs=wrong))[0].passed

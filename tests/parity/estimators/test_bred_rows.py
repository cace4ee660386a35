"""Breeding finds rows that drawing does not."""

from __future__ import annotations

import numpy as np

from dwcpc.parity.estimators.bred_rows import bred_rows

FEATURES = 30


def draw(rng: np.random.Generator, rows: int) -> np.ndarray:
    return rng.normal(size=(rows, FEATURES)).astype(np.float32)


def nearly_at_the_center(rows: np.ndarray) -> np.ndarray:
    return 0.3 - np.abs(rows).mean(axis=1)  # no drawn row in a million


def test_finds_rows_that_hardly_any_draw_holds() -> None:
    rows = draw(np.random.default_rng(1), 100)
    assert nearly_at_the_center(rows).max() < -0.1
    found = bred_rows(nearly_at_the_center, draw, rows, 1)
    assert len(found) > 0
    assert found.dtype == np.float32
    assert (nearly_at_the_center(found) > 0).all()
    np.testing.assert_array_equal(found, bred_rows(nearly_at_the_center, draw, rows, 1))


def test_gives_up_where_there_are_none() -> None:
    rows = draw(np.random.default_rng(1), 100)
    assert bred_rows(lambda some: np.full(len(some), -1.0), draw, rows, 1).shape == (0, FEATURES)

"""A scaler from counts: how far it is from the one of all rows in one place, and when it is refused."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dwcpc.compiler.errors import InputError
from dwcpc.models.training.federated.quantiles import QUARTILES, quantiles, rounded_counts

Rows = NDArray[np.float64]


def asked_of(clients: list[Rows]) -> Callable[[Rows], NDArray[np.int64]]:
    def ask(cuts: Rows) -> NDArray[np.int64]:
        assert (cuts[:, 1:] >= cuts[:, :-1]).all()
        summed: NDArray[np.int64] = np.sum([rounded_counts(rows, cuts) for rows in clients], axis=0)
        return summed

    return ask


def shifted_clients(seed: int, clients: int = 12, rows: int = 3000) -> list[Rows]:
    """Return clients whose features lie elsewhere: a normal one, a skewed one, a tiny one, a negative one."""
    rng = np.random.default_rng(seed)
    return [
        np.stack(
            [
                rng.normal(55 + 5 * rng.normal(), 3, rows),
                np.exp(rng.normal(rng.normal(), 1, rows)),
                1e-4 * rng.gamma(2 + client, 1, rows),
                -1e6 * rng.random(rows) ** 2,
            ],
            axis=1,
        )
        for client in range(clients)
    ]


def distance(found: Rows, rows: Rows) -> float:
    """Return how far the quartiles are from those of `rows`, in distances of the quartiles."""
    exact = np.quantile(rows, QUARTILES, axis=0).T
    return float((np.abs(found - exact) / (exact[:, 2:] - exact[:, :1])).max())


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000))
def test_quartiles_from_counts_are_within_a_hundredth_of_those_of_all_rows(seed: int) -> None:
    clients = shifted_clients(seed)
    found = quantiles(asked_of(clients), 4, QUARTILES)
    assert distance(found.values, np.concatenate(clients)) < 0.01
    assert (found.widths <= 1e-3 * (found.values[:, 2:] - found.values[:, :1])).all()


def test_the_mean_of_the_clients_own_quartiles_would_not_be() -> None:
    clients = shifted_clients(0)
    means = np.mean([np.quantile(rows, QUARTILES, axis=0).T for rows in clients], axis=0)
    assert distance(means, np.concatenate(clients)) > 0.1


def test_a_feature_that_is_mostly_one_value_has_that_value() -> None:
    rng = np.random.default_rng(0)
    rows = [np.stack([rng.poisson(0.01, 500), np.full(500, 7.0), rng.integers(0, 3, 500)], axis=1) for _ in range(4)]
    found = quantiles(asked_of([each.astype(np.float64) for each in rows]), 3, QUARTILES)
    assert np.abs(found.values - [[0, 0, 0], [7, 7, 7], [0, 1, 2]]).max() < 1e-4


def test_no_count_tells_of_a_single_row() -> None:
    rng = np.random.default_rng(1)
    cuts = np.sort(rng.normal(size=(1, 50)), axis=1)
    rows = rng.normal(size=(200, 1))
    assert (rounded_counts(rows, cuts) % 10 == 0).all()
    exact = np.searchsorted(np.sort(rows[:, 0]), cuts[0], side="right")
    assert np.abs(rounded_counts(rows, cuts)[0] - exact).max() <= 5


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.ones((4, 1)), "too few normal rows"),
        (np.full((100, 1), 1e30), "lies beyond"),
        (np.full((100, 1), -1e30), "lies beyond"),
    ],
)
def test_too_few_rows_and_values_without_bounds_are_refused(rows: Rows, message: str) -> None:
    with pytest.raises(InputError, match=message):
        quantiles(asked_of([rows]), 1, QUARTILES)

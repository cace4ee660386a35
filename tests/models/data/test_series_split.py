from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dwcpc.compiler.errors import InputError
from dwcpc.models.data.series_split import Shares, split_rows

SAMPLES = 40


def fleet(groups: int) -> tuple[np.ndarray, np.ndarray]:
    """Return times and groups, as rows of a table that is sorted by neither."""
    time, group = (part.ravel() for part in np.meshgrid(np.arange(SAMPLES, dtype=float), np.arange(groups)))
    order = np.random.default_rng(1).permutation(len(time))
    return time[order], group[order].astype(np.str_)


@settings(deadline=None, max_examples=30)
@given(groups=st.integers(3, 30), seed=st.integers(0, 1000))
def test_test_rows_are_of_unseen_groups_and_later_than_all_that_was_seen(groups: int, seed: int) -> None:
    time, group = fleet(groups)
    split = split_rows(time, group, seed)
    seen = [split.train, split.validation]
    assert set(group[split.test]).isdisjoint(group[np.concatenate(seen)])
    assert set(group[split.train]).isdisjoint(group[split.validation])
    assert (
        time[split.train].max() < time[split.validation].min() <= time[split.validation].max() < time[split.test].min()
    )


def test_without_groups_time_alone_divides_and_an_embargo_keeps_the_parts_apart() -> None:
    time = np.random.default_rng(2).permutation(100).astype(float)
    whole, apart = split_rows(time, None, 0), split_rows(time, None, 0, Shares(embargo=5.0))
    assert sum(map(len, (whole.train, whole.validation, whole.test))) == 100
    assert time[apart.validation].min() - time[apart.train].max() > 5.0
    assert time[apart.test].min() - time[apart.validation].max() > 5.0


def test_the_seed_decides_which_groups_are_held_out() -> None:
    time, group = fleet(12)
    held_out = [frozenset(group[split_rows(time, group, seed).test]) for seed in (1, 1, 2)]
    assert held_out[0] == held_out[1] != held_out[2]


def test_two_groups_cannot_be_split_by_group() -> None:
    with pytest.raises(InputError, match="2 groups, expected 3 or more"):
        split_rows(*fleet(2), 0)


def test_a_part_without_rows_is_refused() -> None:
    with pytest.raises(InputError, match="no row is left to train"):
        split_rows(np.zeros(10), None, 0)

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dwcpc.models.evaluation.bootstrap import Interval, blocks_of, bootstrap


@dataclass(frozen=True, slots=True)
class Mean:
    value: float


def interval_of(values: NDArray[np.float64], block: NDArray[np.int64]) -> Interval:
    return bootstrap(block, lambda weights: Mean(float(np.average(values, weights=weights))), seed=1, rounds=300)[
        "value"
    ]


def test_blocks_are_neighbours_in_time_of_one_group() -> None:
    group = np.array(["b", "a", "a", "a", "b", "a"])
    begin = np.array([0.0, 30.0, 10.0, 20.0, 1.0, 0.0])
    block = blocks_of(group, begin, block_rows=2)
    assert block.tolist() == [2, 1, 0, 1, 2, 0]


def test_nineteen_of_twenty_intervals_hold_the_truth() -> None:
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(100):
        values = rng.normal(3.0, 1.0, 120)
        interval = interval_of(values, np.arange(120))
        held += interval.low <= 3.0 <= interval.high
    assert 87 <= held <= 99


def test_neighbours_that_are_alike_widen_the_interval() -> None:
    values = np.repeat(np.random.default_rng(0).normal(0, 1, 40), 10)
    alone, together = interval_of(values, np.arange(400)), interval_of(values, np.arange(400) // 10)
    assert together.high - together.low > 2 * (alone.high - alone.low)


def test_the_seed_decides_the_interval() -> None:
    values, block = np.arange(50.0), np.arange(50)
    assert interval_of(values, block) == interval_of(values, block)


def test_a_figure_that_is_never_defined_has_no_interval() -> None:
    interval = bootstrap(np.arange(3), lambda _: Mean(float("nan")), seed=0, rounds=5)["value"]
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)

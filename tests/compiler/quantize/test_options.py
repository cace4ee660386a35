"""The cheapest plan within a noise budget is found, and none is offered beyond it."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from dwcpc.compiler.quantize.options import Option, cheapest, without_loudest

FLOAT = Option("a", "float32", 1e-11, 400, 400)
INT8 = Option("a", "int8", 1e-3, 100, 100)
STORED = Option("a", "int8 storage", 1e-5, 400, 100)


def renamed(layer: str, *options: Option) -> list[Option]:
    return [Option(layer, each.precision, each.noise, each.reads, each.bytes) for each in options]


def test_time_comes_before_bytes_and_noise() -> None:
    plan = cheapest([[FLOAT, STORED, INT8]], budget=1e-2)
    assert plan is not None
    assert plan.precisions == {"a": "int8"}


def test_bytes_decide_where_the_time_is_the_same() -> None:
    plan = cheapest([[FLOAT, STORED]], budget=1e-2)
    assert plan is not None
    assert plan.precisions == {"a": "int8 storage"}


def test_noise_powers_add_up_to_the_budget_and_not_beyond() -> None:
    layers = [renamed("a", FLOAT, INT8), renamed("b", FLOAT, INT8)]
    both, one = cheapest(layers, budget=2.0e-3), cheapest(layers, budget=1.9e-3)
    assert both is not None
    assert one is not None
    assert sorted(both.precisions.values()) == ["int8", "int8"]
    assert sorted(one.precisions.values()) == ["float32", "int8"]


def test_the_loudest_form_of_a_plan_leaves_and_a_last_form_stays() -> None:
    layers = [renamed("a", FLOAT, STORED, INT8), renamed("b", INT8)]
    plan = cheapest(layers, budget=1.0)
    assert plan is not None
    quieter = without_loudest(layers, plan)
    assert quieter == [renamed("a", FLOAT, STORED), renamed("b", INT8)]
    again = cheapest(quieter, budget=1.0)
    assert again is not None
    assert again.precisions == {"a": "int8 storage", "b": "int8"}


def test_there_is_no_plan_where_every_option_is_too_coarse() -> None:
    assert cheapest([[INT8]], budget=1e-4) is None


@pytest.mark.parametrize("seed", range(20))
def test_equals_trying_every_combination(seed: int) -> None:
    rng = np.random.default_rng(seed)
    layers = [
        [
            Option(str(i), str(j), float(rng.random()), int(rng.integers(1, 9)), int(rng.integers(1, 9)))
            for j in range(4)
        ]
        for i in range(4)
    ]
    budget = 1.5
    affordable = [
        (sum(each.reads for each in chosen), sum(each.bytes for each in chosen))
        for chosen in product(*layers)
        if sum(each.noise for each in chosen) <= budget
    ]
    plan = cheapest(layers, budget)
    found = None if plan is None else (plan.reads, plan.bytes)
    assert found == (min(affordable) if affordable else None)

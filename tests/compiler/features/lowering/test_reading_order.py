"""Steps that look back at what is a number before the first sample cannot be embedded; all others can."""

from __future__ import annotations

from typing import Any

import pytest

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.features.lowering.reading_order import reading_order, require_embeddable
from dwcpc.compiler.features.reading import checked_spec
from dwcpc.compiler.features.shipped import shipped_names, shipped_spec
from dwcpc.compiler.features.spec import FeatureSpec

NUMBERS: dict[str, dict[str, Any]] = {
    "indicator": {"op": "indicator", "of": "a", "above": 1},
    "one_hot": {"op": "one_hot", "of": "mode", "category": "x"},
    "fill": {"op": "log1p", "of": "a", "fill": 0},
}
LOOKING: dict[str, dict[str, Any]] = {
    "rolling": {"op": "rolling_max", "window": 2},
    "lag": {"op": "lag", "samples": 1},
    "difference": {"op": "difference"},
}


def spec_of(*steps: dict[str, Any]) -> FeatureSpec:
    category = {"name": "mode", "type": "category", "categories": ["x", "y"]}
    document = {"schema": "dwcpc.features/1", "name": "s", "columns": [{"name": "a"}, {"name": "b"}, category]}
    return checked_spec({**document, "steps": list(steps)}, "s")


@pytest.mark.parametrize("looking", LOOKING)
@pytest.mark.parametrize("number", NUMBERS)
def test_refuses_a_step_that_looks_back_at_a_number(number: str, looking: str) -> None:
    spec = spec_of({"name": "n", **NUMBERS[number]}, {"name": "f", **LOOKING[looking], "of": "n"})
    with pytest.raises(InputError, match=r"^s\.json: step 'f': looks back at 'n', .*without --embed-features$"):
        require_embeddable(spec, "s.json")


def test_refuses_it_through_steps_that_keep_a_number() -> None:
    spec = spec_of(
        {"name": "n", **NUMBERS["indicator"]},
        {"name": "twice", "op": "sum", "of": ["n", "n"], "output": False},
        {"name": "f", "op": "rolling_mean", "of": "twice", "window": 3},
    )
    with pytest.raises(InputError, match="looks back at 'twice'"):
        require_embeddable(spec, "s.json")


def test_takes_what_is_missing_before_the_first_sample_whatever_it_is_made_of() -> None:
    require_embeddable(
        spec_of(
            {"name": "n", **NUMBERS["indicator"]},
            {"name": "mixed", "op": "product", "of": ["n", "a"]},
            {"name": "f", "op": "rolling_mean", "of": "mixed", "window": 3, "fill": 0},
            {"name": "g", "op": "sum", "of": ["f", "n"]},
            {"name": "unread", "op": "difference", "of": "b", "fill": 1},
        ),
        "s.json",
    )


@pytest.mark.parametrize("name", shipped_names())
def test_takes_every_shipped_specification(name: str) -> None:
    require_embeddable(shipped_spec(name), name)


def test_a_step_hides_the_column_of_its_name_and_histories_add_up() -> None:
    spec = spec_of(
        {"name": "m", "op": "rolling_mean", "of": "a", "window": 3, "output": False},
        {"name": "f", "op": "lag", "of": "m", "samples": 2},
        {"name": "a", "op": "copy", "of": "a"},
        {"name": "g", "op": "log1p", "of": "a"},
        {"name": "unused", "op": "log1p", "of": "b", "output": False},
    )
    order = reading_order(spec)
    assert order.sources == ((0,), (3,), (0,), (5,), (1,))
    assert order.reach == (4, -1, -1, 2, 0, 0, 0, -1)
    assert order.live == (0, 1, 2, 3)
    assert max(order.reach) == spec.lookback

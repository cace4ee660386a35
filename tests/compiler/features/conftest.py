"""A specification of every op, and samples that are ordinary or hostile."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

HOSTILE = (np.nan, np.inf, -np.inf, -0.0, 0.0, 5e-324, -2e-310, 1.7e308, -1.7e308, 1e16, 0.1, -1.0, 3.0, 3.0, 3.0)
COLUMNS = ("a", "b", "c")


def every_op() -> dict[str, Any]:
    """Return a specification with every op, with its options, over filled steps and over other steps."""
    statistics = [
        {
            "name": f"{of}_{op}_{window}_{periods}",
            "op": f"rolling_{op}",
            "of": of,
            "window": window,
            "min_periods": periods,
        }
        for of in COLUMNS
        for op in ("mean", "std", "min", "max")
        for window, periods in ((1, 1), (3, 2), (7, 1))
    ]
    steps = [
        {"name": "a", "op": "copy", "of": "a"},
        {"name": "b", "op": "copy", "of": "b", "fill": -1.5},
        *statistics,
        {"name": "population", "op": "rolling_std", "of": "a", "window": 4, "ddof": 0, "fill": 0},
        {"name": "change", "op": "difference", "of": "a", "fill": 0},
        {"name": "acceleration", "op": "difference", "of": "c", "order": 2},
        {"name": "before", "op": "lag", "of": "b", "samples": 3},
        {"name": "ratio", "op": "ratio", "of": "a", "by": "c", "epsilon": 1e-6},
        {"name": "quotient", "op": "ratio", "of": "c", "by": "a"},
        {"name": "sum", "op": "sum", "of": ["a", "b", "c"]},
        {"name": "product", "op": "product", "of": ["c", "b", "a"]},
        {
            "name": "score",
            "op": "weighted_sum",
            "terms": [{"of": "a", "weight": 0.4}, {"of": "b", "weight": 0.3, "per": 100}, {"of": "c", "weight": -0.3}],
        },
        {"name": "above", "op": "indicator", "of": "a", "above": 3},
        {"name": "at_least", "op": "indicator", "of": "a", "above": 3, "strict": False},
        {"name": "below", "op": "indicator", "of": "b", "below": 0},
        {"name": "at_most", "op": "indicator", "of": "b", "below": 0, "strict": False},
        {"name": "clipped", "op": "clip", "of": "c", "low": -1, "high": 0.5},
        {"name": "floor", "op": "clip", "of": "c", "low": 0},
        {"name": "log", "op": "log1p", "of": "a"},
        {"name": "sin", "op": "sin", "of": "c", "period": 7},
        {"name": "cos", "op": "cos", "of": "c", "period": 0.3},
        {"name": "mode_code", "op": "label", "of": "mode", "fill": -1},
        {"name": "mode_y", "op": "one_hot", "of": "mode", "category": "y"},
        {"name": "mean_of_filled", "op": "rolling_mean", "of": "change", "window": 4},
        {"name": "lag_of_indicator", "op": "lag", "of": "above", "samples": 2},
        {"name": "hidden", "op": "log1p", "of": "c", "output": False},
        {"name": "std_of_hidden", "op": "rolling_std", "of": "hidden", "window": 5},
    ]
    columns = [*({"name": name} for name in COLUMNS)]
    category = {"name": "mode", "type": "category", "categories": ["x", "y", "z"], "unknown": "missing"}
    return {"schema": "dwcpc.features/1", "name": "every_op", "columns": [*columns, category], "steps": steps}


@pytest.fixture
def spec_document() -> dict[str, Any]:
    """The specification of every op, as JSON."""
    return every_op()


def drawn_table(seed: int, rows: int) -> dict[str, np.ndarray]:
    """Return ordinary numbers with hostile ones among them, runs of one value, and categories with unknown ones."""
    rng = np.random.default_rng(seed)
    table: dict[str, np.ndarray] = {}
    for name in COLUMNS:
        values = rng.normal(scale=10.0 ** rng.integers(-3, 6), size=rows)
        hostile = rng.random(rows) < rng.choice([0.0, 0.1, 0.6])
        values[hostile] = rng.choice(HOSTILE, hostile.sum())
        table[name] = values
    table["mode"] = rng.choice(["x", "y", "z", "other", ""], rows)
    return table


@pytest.fixture
def draw() -> Any:
    """Return `draw(seed, rows)`: a table."""
    return drawn_table

"""The graph computes what the Python executor computes: bit for bit, but for the three transcendental steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dwcpc.compiler.features.executor import run_windows
from dwcpc.compiler.features.raw_windows import wide_windows
from dwcpc.compiler.features.reading import checked_spec
from dwcpc.compiler.features.spec import FeatureSpec

TRANSCENDENTAL = ("sin", "cos", "log", "hidden", "std_of_hidden")
ULPS = 4  # of float64, between the executor and onnxruntime
OVER_FILLED = ("mean_of_filled", "lag_of_indicator")


@pytest.fixture
def spec(spec_document: dict[str, Any]) -> FeatureSpec:
    """Every op that can be embedded, chains and hidden steps among them."""
    steps = [step for step in spec_document["steps"] if step["name"] not in OVER_FILLED]
    more = [
        {"name": "mean_of_lag", "op": "rolling_mean", "of": "before", "window": 3, "min_periods": 2},
        {"name": "lag_of_mean", "op": "lag", "of": "mean_of_lag", "samples": 2},
        {"name": "ratio_change", "op": "difference", "of": "quotient", "order": 2},
        {"name": "ratio_speed", "op": "difference", "of": "quotient"},
        {"name": "filled_twice", "op": "sum", "of": ["b", "change"], "fill": 7.0},
        {"name": "one_term", "op": "weighted_sum", "terms": [{"of": "b", "weight": -2.0, "per": 3.0}]},
        {"name": "lag_filled", "op": "lag", "of": "a", "samples": 1, "fill": 0.25},
        {"name": "reads_lag_filled", "op": "product", "of": ["lag_filled", "mode_code"]},
        {"name": "change_of_lag", "op": "difference", "of": "before"},
    ]
    return checked_spec({**spec_document, "steps": [*steps, *more]}, "spec")


@pytest.mark.parametrize("timesteps", [None, 1, 2, 30])
def test_every_op_is_the_executors_bit_for_bit(
    spec: FeatureSpec, timesteps: int | None, run_graph: Any, windows_of: Any
) -> None:
    windows = windows_of(spec, 400, (timesteps or 1) + spec.lookback, 3)
    expected = run_windows(spec, wide_windows(spec, windows))
    found = run_graph(spec, windows, timesteps, wide=True)
    exact = [at for at, name in enumerate(spec.features) if name not in TRANSCENDENTAL]
    assert found.shape == expected.shape
    for at in exact:
        same = (found[..., at] == expected[..., at]) | (np.isnan(found[..., at]) & np.isnan(expected[..., at]))
        assert same.all(), spec.features[at]

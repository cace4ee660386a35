"""The graph computes what the Python executor computes: bit for bit, but for the three transcendental steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dwcpc.compiler.features.executor import run_windows
from dwcpc.compiler.features.raw_windows import wide_windows
from dwcpc.compiler.features.reading import checked_spec
from dwcpc.compiler.features.shipped import shipped_spec
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


def ulps_apart(found: np.ndarray, expected: np.ndarray) -> float:
    """Return the largest distance in units of the last place of float64; infinite where one is no number."""
    finite = np.isfinite(expected)
    if not np.array_equal(found[~finite], expected[~finite], equal_nan=True):
        return np.inf
    apart = np.abs(found[finite] - expected[finite]) / np.spacing(np.abs(expected[finite]))
    return float(apart.max(initial=0.0))


@pytest.mark.parametrize(
    ("op", "more", "scale"), [("sin", {"period": 24}, 1e3), ("cos", {"period": 0.7}, 10), ("log1p", {}, 3)]
)
def test_sines_cosines_and_logarithms_are_a_few_units_of_float64_away(
    op: str, more: dict[str, Any], scale: float, run_graph: Any
) -> None:
    spec = one_step({"op": op, "of": "a", **more})
    rng = np.random.default_rng(4)
    x = np.concatenate([rng.normal(scale=scale, size=4000), 10.0 ** -rng.uniform(0, 300, 500), [0.0, -1.0, -2.0]])
    x = np.concatenate([x, np.arange(-8, 8) * 6.0, [np.inf, -np.inf, np.nan, 1e300, 2.0**53]])[:, None, None]
    x = np.repeat(x, 2, axis=2)
    expected, found = run_windows(spec, x), run_graph(spec, x, None, wide=True)
    assert ulps_apart(found, expected) <= ULPS
    assert ulps_apart(found * (1 + 1e-15), expected) > ULPS


def one_step(step: dict[str, Any]) -> FeatureSpec:
    document = {"schema": "dwcpc.features/1", "name": "one", "columns": [{"name": "a"}, {"name": "b"}]}
    return checked_spec({**document, "steps": [{"name": "f", **step}]}, "one")


def test_features_are_rounded_to_float32_once(spec: FeatureSpec, run_graph: Any, windows_of: Any) -> None:
    with np.errstate(over="ignore"):
        windows = windows_of(spec, 100, 1 + spec.lookback, 5).astype(np.float32)
        expected = run_windows(spec, wide_windows(spec, windows)).astype(np.float32)
    found = run_graph(spec, windows, None)
    exact = [at for at, name in enumerate(spec.features) if name not in TRANSCENDENTAL]
    np.testing.assert_array_equal(found[..., exact], expected[..., exact])


def test_a_zero_with_a_sign_divides_as_in_the_executor(run_graph: Any) -> None:
    """Where epsilon is 0 it is still added: −0 + 0 is 0, and onnxruntime would leave a single one out."""
    spec = one_step({"op": "ratio", "of": "a", "by": "b"})
    windows = np.array([[[1.0, -0.0]], [[1.0, 0.0]], [[-1.0, -0.0]]])
    found = run_graph(spec, windows, None, wide=True)
    np.testing.assert_array_equal(found.reshape(-1), [np.inf, np.inf, -np.inf])
    np.testing.assert_array_equal(found, run_windows(spec, windows))


def test_the_mean_of_negative_zeros_is_zero(run_graph: Any) -> None:
    """The sum begins with 0.0, so that a ratio by the mean has one sign in all executors."""
    document = {"schema": "dwcpc.features/1", "name": "two", "columns": [{"name": "a"}]}
    steps = [
        {"name": "m", "op": "rolling_mean", "of": "a", "window": 3},
        {"name": "r", "op": "ratio", "of": "a", "by": "m"},
    ]
    spec = checked_spec({**document, "steps": steps}, "two")
    found = run_graph(spec, np.full((1, 3, 1), -0.0), None, wide=True)
    assert not np.signbit(found[0, 0, 0])


@pytest.mark.parametrize(
    ("name", "timesteps", "most"), [("node_reliability_123", None, 70), ("bandwidth_predictor", 30, 95)]
)
def test_shipped_specifications_take_few_nodes(name: str, timesteps: int | None, most: int, node_ops: Any) -> None:
    assert len(node_ops(shipped_spec(name), timesteps)) <= most


def test_copies_and_lags_take_no_node_of_their_own(node_ops: Any) -> None:
    document = {"schema": "dwcpc.features/1", "name": "copies", "columns": [{"name": "a"}, {"name": "b"}]}
    copies = [{"name": "b", "op": "copy", "of": "b"}, {"name": "before", "op": "lag", "of": "a", "samples": 1}]
    spec = checked_spec({**document, "steps": [*copies, {"name": "a", "op": "copy", "of": "a"}]}, "copies")
    assert sorted(node_ops(spec, 3)) == ["Cast", "Cast", "Concat", "Gather", "Slice", "Slice"]


def test_steps_that_no_feature_needs_take_no_node(node_ops: Any) -> None:
    document = {"schema": "dwcpc.features/1", "name": "dead", "columns": [{"name": "a"}]}
    steps = [{"name": "a", "op": "copy", "of": "a"}, {"name": "s", "op": "log1p", "of": "a", "output": False}]
    assert "Log" not in node_ops(checked_spec({**document, "steps": steps}, "dead"), None)

"""The specifications that are shipped: made from their definitions, and the owners' features by name and order."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.features import shipped
from dwcpc.compiler.features.builder import SpecBuilder, spec_text
from dwcpc.compiler.features.executor import run_spec
from dwcpc.compiler.features.shipped import named_spec, shipped_names, shipped_spec
from dwcpc.compiler.features.shipped.definitions import DEFINITIONS, LOAD

ROOT = Path(__file__).resolve().parents[3]
FOLDER = Path(shipped.__file__).parent
OWNERS = json.loads((ROOT / "tests" / "fixtures" / "features" / "owners_node_features.json").read_bytes())
REAL = ROOT.parent / "shared" / "real" / "node_reliability" / "model_metadata_node_reliability.json"


@pytest.mark.parametrize("name", DEFINITIONS)
def test_the_file_says_what_the_definition_does(name: str) -> None:
    assert (FOLDER / f"{name}.json").read_text(encoding="utf-8") == spec_text(DEFINITIONS[name]())
    assert shipped_spec(name).name == name


def test_all_that_is_shipped_is_defined() -> None:
    assert shipped_names() == sorted(DEFINITIONS)


def test_node_features_are_the_owners_in_their_order() -> None:
    assert list(shipped_spec("node_reliability_123").features) == OWNERS
    more = shipped_spec("node_reliability_163").features
    assert len(more) == 163
    assert [name for name in more if not name.endswith("_30")] == OWNERS


def test_the_owners_names_are_those_of_the_real_model() -> None:
    if not REAL.exists():
        pytest.skip("the real models are not beside this checkout")
    assert json.loads(REAL.read_bytes())["feature_names"] == OWNERS


@pytest.mark.parametrize(
    ("name", "features", "columns"),
    [("bandwidth_predictor", 48, 20), ("consensus_latency", 12, 12), ("legacy_predictor", 6, 6)],
)
def test_the_others_have_as_many_features_as_their_models_take(name: str, features: int, columns: int) -> None:
    spec = shipped_spec(name)
    assert (len(spec.features), len(spec.columns)) == (features, columns)
    keys = [spec.group, spec.time and spec.time.column]
    assert name != "bandwidth_predictor" or len(spec.columns) + len(keys) == 22


def test_node_features_are_what_the_owners_script_computes_for_one_node() -> None:
    """Their recipe in pandas, without its bug of rolling over the rows of different nodes."""
    rng = np.random.default_rng(11)
    frame = pd.DataFrame({name: rng.lognormal(sigma=2, size=200) for name in LOAD})
    frame["error_rate"] /= 100
    frame["packet_loss_rate"] /= 20
    frame["latency_p99"] *= 50
    frame["mode"], frame["tier"] = (
        rng.choice(["fallback", "optimized", "standard"], 200),
        rng.choice(["tier1", "tier3"], 200),
    )
    expected = {name: frame[name] for name in LOAD}
    for name in LOAD:
        for window in (5, 15):
            rolling = frame[name].rolling(window, min_periods=1)
            expected[f"{name}_rolling_mean_{window}"] = rolling.mean()
            expected[f"{name}_rolling_std_{window}"] = rolling.std().fillna(0)
            expected[f"{name}_rolling_min_{window}"] = rolling.min()
            expected[f"{name}_rolling_max_{window}"] = rolling.max()
        expected[f"{name}_rate_of_change"] = frame[name].diff().fillna(0)
        expected[f"{name}_acceleration"] = frame[name].diff().diff().fillna(0)
    expected["error_timeout_product"] = frame["error_rate"] * frame["timeout_rate"]
    expected["latency_spread"] = frame["latency_p99"] - frame["latency_p50"]
    expected["latency_ratio"] = frame["latency_p99"] / (frame["latency_p50"] + 1e-6)
    expected["resource_pressure"] = (frame["cpu_usage"] + frame["memory_usage"]) / 2
    expected["high_error_rate"] = frame["error_rate"] > 0.01
    expected["high_latency"] = frame["latency_p99"] > 100
    expected["high_packet_loss"] = frame["packet_loss_rate"] > 0.05
    for column, values in (("mode", ("fallback", "optimized", "standard")), ("tier", ("tier1", "tier2", "tier3"))):
        for value in values:
            expected[f"{column}_{value}"] = frame[column] == value
    table = {name: frame[name].to_numpy() for name in frame}
    table |= {"node_id": np.array(["n"] * 200), "timestamp": np.arange(200.0)}
    found = run_spec(shipped_spec("node_reliability_123"), table)
    np.testing.assert_allclose(found.values, np.column_stack([expected[name] for name in OWNERS]), rtol=1e-9, atol=1e-9)
    assert 0 < found.values[:, OWNERS.index("high_error_rate")].mean() < 1


def test_a_name_that_is_not_shipped_is_refused_with_those_that_are() -> None:
    with pytest.raises(
        InputError, match="no specification of that name is shipped, expected one of bandwidth_predictor"
    ):
        named_spec("bandwidth")
    with pytest.raises(InputError, match=r"bandwidth\.json: cannot be read"):
        named_spec("bandwidth.json")


def test_the_builder_says_which_step_is_wrong() -> None:
    spec = SpecBuilder("s")
    spec.numbers("rtt", unit="ms")
    spec.numbers("loss", unit="1")
    spec.add("both", "sum", of=["rtt", "loss"])
    with pytest.raises(InputError, match=r"s: step 'both': 'rtt' is in 'ms' and 'loss' in '1'"):
        spec.spec()

"""Windows of features and of raw rows: the same samples, within one history, and the one computes the other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.features.executor import run_spec, run_windows
from dwcpc.compiler.features.reading import checked_spec
from dwcpc.compiler.features.shipped import shipped_spec
from dwcpc.compiler.features.spec import FeatureSpec
from dwcpc.compiler.features.windows import feature_windows, raw_windows

TIMES = {"column": "t", "late": "skip", "duplicate": "skip", "max_gap": 5}


def spec_of(*steps: dict[str, Any], time: dict[str, Any] | None = None) -> FeatureSpec:
    columns = [{"name": "x"}, {"name": "mode", "type": "category", "categories": ["a", "b"], "unknown": "missing"}]
    document = {"schema": "dwcpc.features/1", "name": "s", "group": "node", "time": time, "columns": columns}
    return checked_spec(document | {"steps": list(steps)}, "spec")


X = {"name": "x", "op": "copy", "of": "x"}
STEPS = (
    {"name": "mean", "op": "rolling_mean", "of": "x", "window": 3},
    {"name": "std", "op": "rolling_std", "of": "x", "window": 4, "fill": 0},
    {"name": "change", "op": "difference", "of": "mean", "order": 2},
    {"name": "before", "op": "lag", "of": "x", "samples": 2, "fill": -1},
    {"name": "is_b", "op": "one_hot", "of": "mode", "category": "b"},
)


def test_windows_of_features_lie_within_a_history_and_stand_in_the_tables_order() -> None:
    table = {
        "x": np.arange(8.0),
        "mode": np.array(list("abababab")),
        "node": np.array(list("pqpqppqp")),
        "t": np.array([0.0, 0, 1, 1, 0.5, 2, 2, 50]),  # the fifth is late; a gap before the last
    }
    windows = feature_windows(run_spec(spec_of(X, time=TIMES), table), timesteps=2)
    assert windows.rows.tolist() == [2, 3, 5, 6]
    assert windows.cut()[..., 0].tolist() == [[0, 2], [1, 3], [2, 5], [3, 6]]
    assert windows.cut(np.array([3, 0]))[..., 0].tolist() == [[3, 6], [0, 2]]
    assert (len(windows), windows.cut(slice(0, 0)).shape) == (4, (0, 2, 1))


def test_raw_rows_before_the_first_sample_are_nan_and_categories_are_places() -> None:
    table = {"x": np.arange(4.0), "mode": np.array(["a", "b", "", "a"]), "node": np.array(list("pqpp"))}
    spec = spec_of({"name": "before", "op": "lag", "of": "x", "samples": 2})
    windows = raw_windows(spec, table, timesteps=1)
    assert (windows.rows.tolist(), windows.length) == ([0, 1, 2, 3], 3)
    nan = np.nan
    expected = [[[nan, nan], [nan, nan], [0, 0]], [[nan, nan], [nan, nan], [1, 1]]]
    expected += [[[nan, nan], [0, 0], [2, nan]], [[0, 0], [2, nan], [3, 0]]]
    assert np.array_equal(windows.cut(), expected, equal_nan=True)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(0, 60), timesteps=st.integers(1, 6))
def test_raw_windows_compute_the_windows_of_features_bit_for_bit(seed: int, rows: int, timesteps: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=rows)
    odd = rng.random(rows) < 0.2
    values[odd] = rng.choice([np.nan, np.inf, -np.inf, -0.0, 0.0, 5e-324, 1.7e308, 1e16], odd.sum())
    table = {
        "x": values,
        "mode": rng.choice(["a", "b", "other"], rows),
        "node": rng.choice(["p", "q", "r"], rows),
        "t": np.cumsum(rng.choice([0.0, 1, 1, 1, -1, 9], rows)),
    }
    spec = spec_of(*STEPS, time=TIMES)
    features = feature_windows(run_spec(spec, table), timesteps)
    raw = raw_windows(spec, table, timesteps)
    assert features.rows.tolist() == raw.rows.tolist() == sorted(raw.rows)
    ours, theirs = features.cut(), run_windows(spec, raw.cut())
    assert ours.shape == theirs.shape == (len(raw), timesteps, len(STEPS))
    same = (ours.view(np.int64) == theirs.view(np.int64)) | (np.isnan(ours) & np.isnan(theirs))
    assert same.all()


def test_a_window_of_another_history_would_be_seen() -> None:
    """The comparison above is of use: rows of another node in the lookback change the features."""
    table = {"x": np.arange(9.0), "mode": np.array(["a"] * 9), "node": np.array(list("pqrpqrpqr"))}
    spec = spec_of(*STEPS)
    features = feature_windows(run_spec(spec, table), 1).cut()
    mixed = raw_windows(spec, table | {"node": np.array(["p"] * 9)}, 1).cut()
    assert not np.array_equal(run_windows(spec, mixed), features)


def test_the_legacy_predictor_takes_ten_timesteps_of_six() -> None:
    spec = shipped_spec("legacy_predictor")
    table = {column.name: np.arange(1.0, 13.0) for column in spec.columns}
    windows = feature_windows(run_spec(spec, table), timesteps=10)
    assert windows.cut().shape == (3, 10, 6)
    assert windows.cut()[0, -1].tolist() == [10 / 1000, 10 / 100, 10, 10 / 50, 10 / 24, 10 / 7]


def test_no_timesteps_are_refused() -> None:
    table = {column.name: np.arange(3.0) for column in shipped_spec("legacy_predictor").columns}
    with pytest.raises(InputError, match="timesteps: is 0, expected 1 or more"):
        raw_windows(shipped_spec("legacy_predictor"), table, timesteps=0)

"""The executor against the definition itself, bit for bit, and against pandas."""

from __future__ import annotations

import tracemalloc
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from features_reference import Table, features_of

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.features import executor
from dwcpc.compiler.features.executor import run_spec, run_windows
from dwcpc.compiler.features.reading import checked_spec

TRANSCENDENTAL = {"log", "sin", "cos", "std_of_hidden"}  # the last rests on a logarithm


def coded(document: dict[str, Any], table: dict[str, np.ndarray]) -> np.ndarray:
    """Return the raw rows, [rows, columns], with categories as places."""

    def values(column: dict[str, Any]) -> np.ndarray:
        categories = column.get("categories")
        if categories is None:
            return table[column["name"]]
        return np.array([categories.index(x) if x in categories else np.nan for x in table[column["name"]]], np.float64)

    return np.column_stack([values(column) for column in document["columns"]])


def defined(document: dict[str, Any], table: dict[str, np.ndarray], rows: np.ndarray | slice) -> np.ndarray:
    """Return the features of one history by their definition."""
    raw = coded(document, table)[rows]
    return features_of(document, Table(raw, np.arange(len(raw), dtype=float), np.zeros(len(raw), np.int64)))[1]


def assert_same(names: tuple[str, ...], found: np.ndarray, expected: np.ndarray) -> None:
    """NaN is one value; anything else has the same bits, or is within 2 ULP behind sin, cos and log1p."""
    for at, name in enumerate(names):
        ours, theirs = found[:, at], expected[:, at]
        same = (ours.view(np.int64) == theirs.view(np.int64)) | (np.isnan(ours) & np.isnan(theirs))
        if name in TRANSCENDENTAL:
            ulps = 40 if name == "std_of_hidden" else 2
            with np.errstate(invalid="ignore"):
                same |= np.abs(ours - theirs) <= ulps * np.spacing(np.abs(theirs))
        assert same.all(), (name, np.flatnonzero(~same)[:3], ours[~same][:3], theirs[~same][:3])


@pytest.mark.parametrize("seed", range(8))
def test_it_computes_what_the_definition_says(spec_document: dict[str, Any], draw: Any, seed: int) -> None:
    table = draw(seed, 400)
    with np.errstate(all="ignore"):
        found = run_spec(checked_spec(spec_document, "spec"), table)
        expected = defined(spec_document, table, slice(None))
    assert found.rows.tolist() == list(range(400))
    assert_same(found.names, found.values, expected)


def test_groups_have_histories_of_their_own(
    spec_document: dict[str, Any], draw: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executor, "CHUNK_ROWS", 50)  # several groups at once, and the larger ones alone
    table = draw(99, 300)
    table["node"] = np.random.default_rng(1).choice(["n1", "n2", "n10", "n3"], 300, p=[0.5, 0.3, 0.1, 0.1])
    found = run_spec(checked_spec(spec_document | {"group": "node"}, "spec"), table)
    assert found.rows.tolist() == list(range(300))
    for node in ("n1", "n2", "n10", "n3"):
        rows = np.flatnonzero(table["node"] == node)
        expected = defined(spec_document, table, rows)
        assert_same(found.names, found.values[rows], expected)


def test_a_window_is_a_history_of_its_own(spec_document: dict[str, Any], draw: Any) -> None:
    spec = checked_spec(spec_document, "spec")
    samples = spec.lookback + 5
    tables = [draw(seed, samples) for seed in range(20)]
    windows = np.array([coded(spec_document, table) for table in tables])
    found = run_windows(spec, windows)
    assert found.shape == (20, 5, len(spec.features))
    for table, window in zip(tables, found, strict=True):
        assert np.array_equal(window, run_spec(spec, table).values[spec.lookback :], equal_nan=True)


def test_rows_of_nan_before_a_short_history_change_nothing(draw: Any) -> None:
    columns = [{"name": "a"}]
    steps = [
        {"name": "mean", "op": "rolling_mean", "of": "a", "window": 5},
        {"name": "std", "op": "rolling_std", "of": "a", "window": 5, "fill": 0},
        {"name": "change", "op": "difference", "of": "a", "order": 2, "fill": 0},
    ]
    spec = checked_spec({"schema": "dwcpc.features/1", "name": "s", "columns": columns, "steps": steps}, "spec")
    values = draw(5, 3)["a"]
    window = np.concatenate([np.full(spec.lookback, np.nan), values])[None, :, None]
    assert np.array_equal(run_windows(spec, window)[0], run_spec(spec, {"a": values}).values, equal_nan=True)


def test_it_is_what_pandas_computes(draw: Any) -> None:
    """Ordinary values, within 1e-9 of pandas' own rolling statistics and differences, by node."""
    rng = np.random.default_rng(7)
    frame = pd.DataFrame({"x": rng.lognormal(size=3000), "node": rng.choice(["a", "b", "c"], 3000)})
    frame.loc[rng.random(3000) < 0.05, "x"] = np.nan
    statistics = ("mean", "std", "min", "max")
    steps = [
        {"name": f"{s}_{w}", "op": f"rolling_{s}", "of": "x", "window": w} for s in statistics for w in (1, 5, 15, 30)
    ]
    steps += [{"name": f"diff_{n}", "op": "difference", "of": "x", "order": n} for n in (1, 2)]
    steps += [{"name": "lag", "op": "lag", "of": "x", "samples": 4}]
    document = {"schema": "dwcpc.features/1", "name": "s", "group": "node", "columns": [{"name": "x"}], "steps": steps}
    found = run_spec(checked_spec(document, "spec"), {name: frame[name].to_numpy() for name in frame})
    grouped = frame.groupby("node")["x"]
    expected = {
        f"{s}_{w}": getattr(grouped.rolling(w, min_periods=1), s)().reset_index(level=0, drop=True).sort_index()
        for s in statistics
        for w in (1, 5, 15, 30)
    }
    expected |= {
        "diff_1": grouped.diff(),
        "diff_2": grouped.diff().groupby(frame["node"]).diff(),
        "lag": grouped.shift(4),
    }
    for at, name in enumerate(found.names):
        theirs = expected[name].to_numpy()
        assert np.isnan(theirs).any() == np.isnan(found.values[:, at]).any()
        np.testing.assert_allclose(found.values[:, at], theirs, rtol=1e-9, atol=1e-12, err_msg=name)


def test_it_keeps_the_digits_that_running_sums_lose() -> None:
    """Behind two large values pandas' running mean stays off for good; ours begins anew at every sample."""
    x = np.random.default_rng(3).normal(size=60)
    x[10], x[11] = 1e40, -1e40 / 3
    steps = [{"name": s, "op": f"rolling_{s}", "of": "x", "window": 4} for s in ("mean", "std")]
    document = {"schema": "dwcpc.features/1", "name": "s", "columns": [{"name": "x"}], "steps": steps}
    found = run_spec(checked_spec(document, "spec"), {"x": x}).values[15:]
    windows = np.array([x[t - 3 : t + 1] for t in range(15, 60)])
    exact = np.array([float(sum(map(Fraction, window)) / 4) for window in windows])
    np.testing.assert_allclose(found[:, 0], exact, rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(found[:, 1], np.std(windows, axis=1, ddof=1), rtol=1e-12)
    theirs = pd.Series(x).rolling(4).mean().to_numpy()[15:]
    assert np.abs(theirs / exact - 1).max() > 1, "pandas keeps them now: say so in docs/features.md"


def test_the_angle_is_reduced_without_rounding() -> None:
    """Multiples of a quarter are exact, however many turns there were."""
    steps = [{"name": op, "op": op, "of": "x", "period": 24} for op in ("sin", "cos")]
    document = {"schema": "dwcpc.features/1", "name": "s", "columns": [{"name": "x"}], "steps": steps}
    x = np.array([0.0, 6.0, 12.0, 18.0, 24.0, 24e9 + 6, -6.0, np.inf])
    found = run_spec(checked_spec(document, "spec"), {"x": x}).values
    assert np.abs(found[:7, 0]).tolist() == [0, 1, 0, 1, 0, 1, 1]
    assert found[:7, 1].tolist() == [1, 0, -1, 0, 1, 0, 0]
    assert (found[1, 0], found[3, 0], found[6, 0]) == (1, -1, -1)
    assert np.isnan(found[7]).all()


def test_many_short_histories_before_a_long_lag_take_no_memory_of_their_own() -> None:
    """Each of them has as many rows of NaN before it as the lag is long: not all at once."""
    count = 2000
    steps = [{"name": "before", "op": "lag", "of": "x", "samples": 2000}]
    document = {"schema": "dwcpc.features/1", "name": "s", "group": "g", "columns": [{"name": "x"}], "steps": steps}
    spec = checked_spec(document, "spec")
    table = {"x": np.arange(float(2 * count)), "g": np.repeat(np.arange(count), 2)}
    tracemalloc.start()
    try:
        assert np.isnan(run_spec(spec, table).values).all()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 0.25 * 8 * count * 2000


def test_it_writes_into_an_array_that_is_given(spec_document: dict[str, Any], draw: Any) -> None:
    spec, table = checked_spec(spec_document, "spec"), draw(3, 100)
    out = np.full((120, len(spec.features)), 7.0)
    found = run_spec(spec, table, out=out)
    assert np.shares_memory(found.values, out)
    assert np.array_equal(found.values, run_spec(spec, table).values, equal_nan=True)
    assert (out[100:] == 7).all()
    for wrong in (out[:99], out[:, 1:], np.empty(out.shape, np.float32)):
        with pytest.raises(InputError, match=r"out: is .*, expected float64 \[100 or more, \d+\]"):
            run_spec(spec, table, out=wrong)

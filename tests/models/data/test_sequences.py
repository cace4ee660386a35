"""Windows and their targets: nothing of the future is in a window, and nothing of another link."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.features.builder import SpecBuilder
from dwcpc.compiler.features.shipped import shipped_spec
from dwcpc.compiler.features.spec import FeatureSpec
from dwcpc.models.data.bandwidth.simulate import MEASURED, TRUE, BandwidthSimulation, simulate_bandwidth
from dwcpc.models.data.sequences import Forecast, cut_sequences

Table = dict[str, np.ndarray[Any, Any]]


@pytest.fixture
def spec() -> FeatureSpec:
    built = SpecBuilder("small", "link", {"column": "time", "duplicate": "keep"})
    built.numbers("a", "b")
    built.copies("a", "b")
    built.rolling(["a"], (3,), ("mean",))
    return built.spec()


@pytest.fixture
def table() -> Table:
    """Two links of 12 minutes, whose rows stand between each other; a is 0, 1, 2, … of the first, 100, 101, … else."""
    minute = np.repeat(np.arange(12.0), 2)
    first = np.arange(24) % 2 == 0
    a = np.where(first, minute, 100 + minute)
    return {
        "link": np.where(first, "x", "y"),
        "time": 60 * minute,
        "a": a,
        "b": -a,
        "ahead": 10 * a,
    }


def test_a_target_is_the_value_so_many_samples_later_in_the_same_link(spec: FeatureSpec, table: Table) -> None:
    for horizon in (1, 3):
        found = cut_sequences(spec, table, Forecast(("ahead",), ("a",), horizon), 4, 1)
        assert len(found) == 2 * (12 - 3 - horizon)
        assert np.array_equal(found.y[:, 0], 10 * (found.x[:, -1, 0] + horizon))
        assert np.array_equal(found.last[:, 0], found.x[:, -1, 0])
        assert np.array_equal(np.diff(found.x[:, :, 0], axis=1), np.ones((len(found), 3)))
        assert np.array_equal(table["a"][found.rows], found.last[:, 0])
        assert np.array_equal(found.group == "x", found.last[:, 0] < 50)
        assert found.left_out == 0


def test_a_stride_leaves_out_windows_of_each_link_alike(spec: FeatureSpec, table: Table) -> None:
    found = cut_sequences(spec, table, Forecast(("ahead",), ("a",)), 4, 3)
    assert sorted(found.last[:, 0].tolist()) == [3, 6, 9, 103, 106, 109]


@pytest.mark.parametrize("horizon", [1, 5])
def test_what_lies_behind_a_window_changes_nothing_in_it(horizon: int) -> None:
    """The leak test: every column of every later row is another, and so is every target."""
    spec = shipped_spec("bandwidth_predictor")
    assert spec.time is not None
    before = dict(simulate_bandwidth(BandwidthSimulation(1, 4, 200)))
    other = simulate_bandwidth(BandwidthSimulation(2, 4, 200))
    later = np.tile(np.arange(200) >= 120, 4)
    kept = (spec.group, spec.time.column)
    after = {name: values if name in kept else np.where(later, other[name], values) for name, values in before.items()}
    after |= {name: other[name] for name in TRUE}
    forecast = Forecast(TRUE, MEASURED, horizon)
    one, two = (cut_sequences(spec, each, forecast, 20, 1) for each in (before, after))
    ends_before = np.isin(one.rows, np.flatnonzero(~later))
    assert ends_before.sum() == 4 * 101
    assert np.array_equal(one.x[ends_before], two.x[ends_before])
    assert np.array_equal(one.last[ends_before], two.last[ends_before])
    assert not np.array_equal(one.x[~ends_before], two.x[~ends_before])
    assert (one.y != two.y).any(axis=1).all()


def test_neither_a_window_nor_its_horizon_goes_over_a_gap(spec: FeatureSpec, table: Table) -> None:
    table["time"] = np.where(table["time"] >= 360, table["time"] + 600, table["time"])
    found = cut_sequences(spec, table, Forecast(("ahead",), ("a",)), 4, 1)
    assert sorted(set((found.last[:, 0] % 100).tolist())) == [3, 4, 9, 10]


def test_windows_with_a_hole_are_left_out_and_counted(spec: FeatureSpec, table: Table) -> None:
    table["b"][table["a"] == 5] = np.nan
    table["ahead"][table["a"] == 103] = np.nan
    found = cut_sequences(spec, table, Forecast(("ahead",), ("a",)), 2, 1)
    whole = cut_sequences(
        spec, table | {"b": -table["a"], "ahead": 10 * table["a"]}, Forecast(("ahead",), ("a",)), 2, 1
    )
    gone = set(whole.last[:, 0].tolist()) - set(found.last[:, 0].tolist())
    assert gone == {5, 6, 102}
    assert found.left_out == 3


def test_a_table_that_is_too_short_or_all_holes_is_refused(spec: FeatureSpec, table: Table) -> None:
    with pytest.raises(InputError, match=r"has 12 samples, expected 13 or more"):
        cut_sequences(spec, table, Forecast(("ahead",), ("a",)), 12, 1)
    table["b"][:] = np.nan
    with pytest.raises(InputError, match="a number is missing in each"):
        cut_sequences(spec, table, Forecast(("ahead",), ("a",)), 4, 1)

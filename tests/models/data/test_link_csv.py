"""Tables of links in files: as the Go service's collector writes them, and with plain numbers for time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.features.builder import SpecBuilder
from dwcpc.compiler.features.spec import FeatureSpec
from dwcpc.models.data.link_csv import read_samples
from dwcpc.models.data.sequences import Forecast

FORECAST = Forecast(("rtt",), ("rtt",))


@pytest.fixture
def spec() -> FeatureSpec:
    built = SpecBuilder("columns", None, {"column": "time", "duplicate": "keep"})
    built.numbers("throughput")
    built.copies("throughput")
    return built.spec()


def written(folder: Path, text: str) -> Path:
    path = folder / "samples.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_go_collectors_times_become_seconds_and_its_empty_cells_nan(spec: FeatureSpec, tmp_path: Path) -> None:
    text = "time,throughput,rtt\n2026-01-31T12:00:00Z,1.5,20\n2026-01-31T12:00:30.123456789Z,,21\n"
    table = read_samples(written(tmp_path, text), spec, FORECAST)
    assert np.diff(table["time"])[0] == pytest.approx(30.123456, abs=1e-5)
    assert table["throughput"][0] == 1.5
    assert np.isnan(table["throughput"][1])
    assert table["rtt"].tolist() == [20, 21]


def test_times_may_be_numbers_or_have_a_zone(spec: FeatureSpec, tmp_path: Path) -> None:
    plain = read_samples(written(tmp_path, "time,throughput,rtt\n60,1,2\n120.5,1,2\n"), spec, FORECAST)
    assert plain["time"].tolist() == [60, 120.5]
    zoned = "time,throughput,rtt\n2026-01-31T12:00:00+01:00,1,2\n2026-01-31T11:00:00,1,2\n"
    assert len(set(read_samples(written(tmp_path, zoned), spec, FORECAST)["time"].tolist())) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("time,throughput,rtt\nyesterday,1,2\n", "row 1 below the names, column 'time' is 'yesterday'"),
        ("time,throughput,rtt\n,1,2\n", "column 'time' is ''"),
        ("time,throughput\n1,2\n", "has no column 'rtt'"),
        ("time,throughput,rtt\n", "holds no rows"),
    ],
)
def test_what_cannot_be_read_is_named(spec: FeatureSpec, tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_samples(written(tmp_path, text), spec, FORECAST)

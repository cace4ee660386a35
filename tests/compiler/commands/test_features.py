"""`dwcpc features` as its user sees it."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dwcpc.compiler.cli import main
from dwcpc.compiler.features.executor import run_spec
from dwcpc.compiler.features.shipped import shipped_names, shipped_spec

SPEC = {
    "schema": "dwcpc.features/1",
    "name": "links",
    "group": "link",
    "time": {"column": "t", "late": "skip"},
    "columns": [{"name": "rtt", "unit": "ms"}, {"name": "kind", "type": "category", "categories": ["fiber", "radio"]}],
    "steps": [
        {"name": "rtt", "op": "copy", "of": "rtt"},
        {"name": "rtt_mean", "op": "rolling_mean", "of": "rtt", "window": 2},
        {"name": "radio", "op": "one_hot", "of": "kind", "category": "radio"},
    ],
}
TABLE = "t,link,kind,rtt,ignored\n1,a,fiber,10,x\n1,b,radio,1.5,x\n2,a,fiber,20,x\n0.5,b,radio,9,x\n2,b,radio,,x\n"


@pytest.fixture
def spec(tmp_path: Path) -> str:
    path = tmp_path / "links.json"
    path.write_text(json.dumps(SPEC), encoding="utf-8")
    return str(path)


@pytest.fixture
def data(tmp_path: Path) -> str:
    path = tmp_path / "raw.csv"
    path.write_text(TABLE, encoding="utf-8")
    return str(path)


def ran(capsys: pytest.CaptureFixture[str], *arguments: Any) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as done:
        main(["features", *map(str, arguments)])
    out, err = capsys.readouterr()
    return int(done.value.code or 0), out, err


def test_it_shows_what_is_shipped_and_what_each_computes(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = ran(capsys, "show")
    assert (code, [line.partition(":")[0] for line in out.splitlines()]) == (0, shipped_names())
    for name in shipped_names():
        code, out, _ = ran(capsys, "show", name)
        assert code == 0
        assert [line for line in shipped_spec(name).features if f"  {line} " not in out] == []


def test_it_checks_several_and_names_the_first_that_is_wrong(
    capsys: pytest.CaptureFixture[str], spec: str, tmp_path: Path
) -> None:
    code, out, _ = ran(capsys, "check", spec, "legacy_predictor")
    assert (code, len(out.splitlines())) == (0, 2)
    wrong = tmp_path / "wrong.json"
    wrong.write_text(json.dumps(SPEC).replace('"window": 2', '"window": -2'), encoding="utf-8")
    code, out, err = ran(capsys, "check", spec, wrong)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert "wrong.json: step 'rtt_mean': window: -2 is less than" in err


def test_it_computes_a_table_into_a_table(
    capsys: pytest.CaptureFixture[str], spec: str, data: str, tmp_path: Path
) -> None:
    code, out, err = ran(capsys, "run", spec, "--data", data, "--out", tmp_path / "features.csv")
    assert (code, "4 rows of 3 features (1 rows were skipped)" in out, "computing" in err) == (0, True, True)
    with (tmp_path / "features.csv").open(encoding="utf-8") as file:
        lines = list(csv.reader(file))
    assert lines[0] == ["link", "t", "rtt", "rtt_mean", "radio"]
    assert lines[1:] == [
        ["a", "1.0", "10.0", "10.0", "0.0"],
        ["b", "1.0", "1.5", "1.5", "1.0"],
        ["a", "2.0", "20.0", "15.0", "0.0"],
        ["b", "2.0", "nan", "1.5", "1.0"],
    ]


def test_npy_holds_the_executors_very_bits_and_sorting_takes_the_late_row_in(
    capsys: pytest.CaptureFixture[str], spec: str, data: str, tmp_path: Path
) -> None:
    out = tmp_path / "features.npy"
    assert ran(capsys, "-q", "run")[0] == 2
    assert ran(capsys, "run", spec, "--data", data, "--out", out, "--sort")[0] == 0
    values = np.load(out, allow_pickle=False)
    assert values.dtype == np.float64
    assert values[:, 1].tolist() == [9, 10, 5.25, 15, 1.5]


def test_shipped_specifications_run_on_a_table(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    spec = shipped_spec("bandwidth_predictor")
    rng = np.random.default_rng(0)
    table: dict[str, Any] = {column.name: rng.lognormal(size=20) for column in spec.columns if not column.is_category}
    table |= {column.name: rng.choice(column.categories, 20) for column in spec.columns if column.is_category}
    table |= {"link_id": np.repeat(["x", "y"], 10), "timestamp": np.tile(np.arange(10.0), 2)}
    path = tmp_path / "raw.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(table)
        writer.writerows(zip(*(values.tolist() for values in table.values()), strict=True))
    assert ran(capsys, "run", spec.name, "--data", path, "--out", tmp_path / "f.npy")[0] == 0
    assert np.array_equal(np.load(tmp_path / "f.npy", allow_pickle=False), run_spec(spec, table).values)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("rtt,", "delay,"), "has no column 'rtt', expected link, t, rtt, kind"),
        (("20,x", "fast,x"), "line 4, column 'rtt' is 'fast', expected a number"),
        (("20,x", "20"), "line 4 has 4 cells, expected 5"),
        (("b,radio,1.5", "b,laser,1.5"), "row 1, column 'kind' is 'laser', expected one of fiber, radio"),
        (("b,radio,1.5", ",radio,1.5"), "row 1, column 'link' is empty"),
    ],
)
def test_bad_tables_are_refused_and_leave_nothing(
    capsys: pytest.CaptureFixture[str], spec: str, tmp_path: Path, change: tuple[str, str], says: str
) -> None:
    data = tmp_path / "raw.csv"
    data.write_text(TABLE.replace(*change, 1), encoding="utf-8")
    before = sorted(tmp_path.iterdir())
    code, out, err = ran(capsys, "run", spec, "--data", data, "--out", tmp_path / "f.csv")
    assert (code, out, says in err.splitlines()[-1]) == (2, "", True), err
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--out", "f.txt"], "expected a name that ends in .csv or .npy"),
        (["--out", "nowhere/f.csv"], "cannot be written; name a file in a folder that exists"),
    ],
)
def test_a_file_that_cannot_be_written_is_refused_before_anything_is_read(
    capsys: pytest.CaptureFixture[str], spec: str, arguments: list[str], says: str
) -> None:
    code, _, err = ran(capsys, "run", spec, "--data", "none.csv", *arguments)
    assert (code, says in err) == (2, True)

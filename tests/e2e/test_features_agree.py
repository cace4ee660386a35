"""Go computes the features that docs/features.md defines, bit for bit, whatever comes and whatever a processor fuses.

The other side is `features_reference.features_of`. Another executor is held to the same by one more entry in
`EXECUTORS`: a function from a specification (as JSON) and a `Table` to what becomes of each row and to the features of
the rows taken. One that stops at a refused row gets the table without those, as they leave no trace.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from features_drawn import drawn_spec, drawn_table
from features_reference import REFUSED, SKIPPED, TAKEN, TRANSCENDENTAL, Floats, Spec, Table, features_of

from dwcpc.compiler.features.executor import run_spec
from dwcpc.compiler.features.reading import checked_spec
from dwcpc.compiler.harness import GO_MODULE

Executor = Callable[[Spec, Table], tuple[npt.NDArray[np.int64], Floats]]


def python_features(spec: Spec, table: Table) -> tuple[npt.NDArray[np.int64], Floats]:
    """Return what Python's executor makes of the rows that the definition does not refuse."""
    statuses = features_of(spec, table)[0]
    kept = np.flatnonzero(statuses != REFUSED)
    columns = {column["name"]: texts(column, table.raw[kept, at]) for at, column in enumerate(spec["columns"])}
    keys = {spec.get("group"): table.groups[kept], (spec.get("time") or {}).get("column"): table.times[kept]}
    found = run_spec(checked_spec(spec, "drawn"), columns | {name: key for name, key in keys.items() if name})
    statuses[kept] = SKIPPED
    statuses[kept[found.rows]] = TAKEN
    return statuses, found.values


def texts(column: dict[str, Any], values: Floats) -> npt.NDArray[Any]:
    """Return a column as it comes from a file: a category by its name."""
    if column.get("type") != "category":
        return values
    names = dict(enumerate(column["categories"]))
    return np.array([names.get(value, "no such") for value in values.tolist()])


EXECUTORS: dict[str, Executor] = {"docs": features_of, "python": python_features}

SPECS, ROWS = 60, 1800
ULP = 2  # of float64, for sin, cos and log1p
LEVELS = ("v1", "v3") if platform.machine() == "x86_64" else ("",)


@dataclass(frozen=True, slots=True)
class Case:
    """A specification with a table, and what an executor makes of them."""

    spec: Spec
    table: Table
    statuses: npt.NDArray[np.int64]
    features: Floats

    @property
    def ulp(self) -> npt.NDArray[np.int64]:
        """How far each feature may be from it."""
        outputs = [step for step in self.spec["steps"] if step.get("output", True)]
        return np.array([ULP if step["op"] in TRANSCENDENTAL else 0 for step in outputs])


def differing(got: Floats, want: Floats, ulp: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Return which values are farther apart than they may be; NaN is one value."""
    wrong = (bits(got) != bits(want)) & ~(np.isnan(got) & np.isnan(want))
    for row, column in np.argwhere(wrong & (ulp > 0)):
        wrong[row, column] = apart(got[row, column], want[row, column]) > ulp[column]
    return wrong


def bits(values: Floats) -> npt.NDArray[np.int64]:
    return np.ascontiguousarray(values).view(np.int64)


def apart(a: np.float64, b: np.float64) -> int:
    """Return how many steps of float64 lie between two values, without an end where one is NaN."""
    if np.isnan(a) or np.isnan(b):
        return 2**64
    places = [int(x.view(np.int64)) for x in (a, b)]
    first, second = (place if place >= 0 else -(2**63) - place for place in places)
    return abs(first - second)


@pytest.fixture(scope="module", params=sorted(EXECUTORS))
def cases(request: pytest.FixtureRequest) -> list[Case]:
    """Return 108,000 rows under 60 specifications, with what an executor makes of them."""
    found = []
    for seed in range(SPECS):
        random = np.random.default_rng(seed)
        spec, table = drawn_spec(random, f"drawn_{seed}"), drawn_table(random, ROWS)
        checked_spec(spec, "drawn")
        found.append(Case(spec, table, *EXECUTORS[request.param](spec, table)))
    return found


@pytest.fixture(scope="module", params=LEVELS)
def harness(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Build the harness for a level of x86-64: v3 has fused multiply-add, and Go uses it."""
    if request.param == "v3" and " fma " not in Path("/proc/cpuinfo").read_text(encoding="utf-8"):
        pytest.skip("this processor has no fused multiply-add")
    binary = tmp_path_factory.mktemp("harness") / f"harness-{request.param}"
    argv = ["go", "build", "-trimpath", "-o", str(binary), "./cmd/dwcpc-harness"]
    subprocess.run(argv, cwd=GO_MODULE, env=environment(request.param), check=True)
    yield binary
    binary.unlink()


def environment(level: str) -> dict[str, str]:
    return dict(os.environ) | ({"GOAMD64": level} if level else {})


def go(harness: Path, folder: Path, spec: Spec, table: Table, *, stream: bool) -> tuple[dict[str, Any], Floats]:
    """Return what the harness prints and the features that it writes."""
    (folder / "spec.json").write_text(json.dumps(spec), encoding="utf-8")
    np.save(folder / "raw.npy", np.ascontiguousarray(table.raw))
    np.save(folder / "times.npy", table.times)
    np.save(folder / "groups.npy", table.groups)
    argv = [str(harness), "features", f"--spec={folder / 'spec.json'}", f"--out={folder / 'out.npy'}"]
    argv += [f"--{name}={folder / name}.npy" for name in ("raw", "times", "groups")]
    argv += [f"--statuses={folder / 'statuses.npy'}"] if stream else []
    done = subprocess.run(argv, capture_output=True, check=False)
    answer = json.loads(done.stdout)
    assert done.returncode == 0, answer
    return answer, np.load(folder / "out.npy")


def test_go_streams_are_equal_bit_for_bit(harness: Path, cases: list[Case], tmp_path: Path) -> None:
    for case in cases:
        answer, features = go(harness, tmp_path, case.spec, case.table, stream=True)
        statuses = np.load(tmp_path / "statuses.npy")
        assert np.array_equal(statuses, case.statuses), case.spec["name"]
        assert answer["taken"] == (statuses == TAKEN).sum()
        wrong = differing(features, case.features, case.ulp)
        assert not wrong.any(), (case.spec["name"], answer["features"][int(np.argwhere(wrong)[0][1])])


def test_go_batches_are_equal_where_refused_rows_were_left_out(
    harness: Path, cases: list[Case], tmp_path: Path
) -> None:
    for case in cases[::5]:
        kept = case.statuses != REFUSED
        table = Table(case.table.raw[kept], case.table.times[kept], case.table.groups[kept])
        answer, features = go(harness, tmp_path, case.spec, table, stream=False)
        assert answer["skipped"] == (case.statuses == SKIPPED).sum()
        assert not differing(features, case.features, case.ulp).any(), case.spec["name"]


def test_the_rows_are_as_many_and_as_hostile_as_is_said(cases: list[Case]) -> None:
    statuses = np.concatenate([case.statuses for case in cases])
    features = np.concatenate([case.features.ravel() for case in cases])
    assert len(statuses) >= 100_000
    assert min((statuses == status).sum() for status in (REFUSED, SKIPPED, TAKEN)) > 1000
    assert {step["op"] for case in cases for step in case.spec["steps"]} >= {"sin", "label", "clip", "weighted_sum"}
    for odd in (np.isnan(features), np.isinf(features), (features == 0) & np.signbit(features)):
        assert 0 < odd.mean() < 0.5


def test_one_unit_in_the_last_place_would_be_seen(cases: list[Case]) -> None:
    case = cases[0]
    exact = np.flatnonzero(case.ulp == 0)[0]
    place = (int(np.flatnonzero(np.isfinite(case.features[:, exact]))[0]), exact)
    other = case.features.copy()
    other[place] = np.nextafter(other[place], np.inf)
    assert differing(other, case.features, case.ulp).sum() == 1
    zero = np.zeros((1, 1))
    assert differing(-zero, zero, np.zeros(1, np.int64)).all()
    loose = np.ones((1, 1))
    three = np.nextafter(np.nextafter(np.nextafter(loose, 2), 2), 2)
    assert differing(three, loose, np.full(1, ULP)).all()
    assert not differing(np.nextafter(loose, 2), loose, np.full(1, ULP)).any()


def test_sums_in_another_order_would_be_seen(cases: list[Case], monkeypatch: pytest.MonkeyPatch) -> None:
    import features_reference

    monkeypatch.setattr(features_reference, "reversed", list, raising=False)  # newest to oldest
    backwards = [features_of(case.spec, case.table)[1] for case in cases[:5]]
    assert all(differing(b, c.features, c.ulp).any() for b, c in zip(backwards, cases, strict=False))

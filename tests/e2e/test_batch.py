"""`--batch 1` through the command line: proven like any bundle, shorter, and open about what it does not take."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from dwcpc.compiler.bundle import open_bundle
from dwcpc.compiler.errors import InputError
from dwcpc.parity.runners.go import GoRuntime
from dwcpc.parity.runners.python_ort import PythonRuntime

Run = Callable[..., Any]
DEMO = Path(__file__).resolve().parents[2] / "models" / "demo"
TARGETS = ("cpu-fp32", "cpu-int8")

pytestmark = pytest.mark.slow


@dataclass(frozen=True, slots=True)
class OneRow:
    """The demo for one row a call, at one target: what was printed and where it lies."""

    ran: Any
    folder: Path

    @property
    def metadata(self) -> dict[str, Any]:
        """The version's metadata.json."""
        read: dict[str, Any] = json.loads((self.folder / "metadata.json").read_bytes())
        return read


@pytest.fixture(scope="module", params=TARGETS)
def one_row(
    request: pytest.FixtureRequest, arguments: list[str], process: Run, tmp_path_factory: pytest.TempPathFactory
) -> OneRow:
    """Compile the demo for one row, once for each target."""
    out = tmp_path_factory.mktemp("one_row")
    environment = {**os.environ, "DWCPC_CACHE": str(out / "cache")}
    options = ("--target", request.param, "--batch", "1", "--calibration", DEMO / "calibration.npy", "--out", out)
    ran = process("--json", *arguments, *options, environment=environment)
    return OneRow(ran, out / "consensus_demo" / "v1.0")


def test_it_passes_in_both_runtimes_and_again_from_the_bundle_alone(one_row: OneRow, run: Run) -> None:
    assert one_row.ran.code == 0, one_row.ran.err
    results = one_row.metadata["parity"]["results"]
    assert {result["runtime"] for result in results} == {"python", "go", "python=go"}
    assert all(result["worst"] == 0 for result in results if result["check"] == "bit_equality")
    assert not any(result["check"] == "batch_invariance" for result in results)
    assert run("verify", one_row.folder).code == 0
    assert run("verify", one_row.folder, "--source", DEMO / "consensus_demo.pth", "--cases", 128).code == 0


def test_what_it_takes_is_said_wherever_one_may_look(one_row: OneRow, run: Run) -> None:
    metadata = one_row.metadata
    assert metadata["model"]["batch"] == 1
    assert metadata["inputs"][0]["shape"] == ["batch", 30, 12]
    assert dict(run("-q", "--json", "inspect", one_row.folder).json)["rows a call"] == "1"
    assert "a call takes exactly one row" in one_row.folder.with_name("v1.0.report.md").read_text(encoding="utf-8")
    model = onnx.load(one_row.folder / "model.onnx")
    assert {entry.key: entry.value for entry in model.metadata_props}["dwcpc.batch"] == "1"
    axes = [value.type.tensor_type.shape.dim[0].dim_value for value in (*model.graph.input, *model.graph.output)]
    assert axes == [1, 1, 1]


def test_no_axes_are_exchanged_and_the_pass_that_saw_to_it_is_listed_with_its_effect(one_row: OneRow) -> None:
    operators = {node.op_type for node in onnx.load(one_row.folder / "model.onnx").graph.node}
    assert not operators & {"Transpose", "Scan"}
    (fixed,) = (each for each in one_row.metadata["passes"] if each["name"] == "fix_batch")
    assert fixed["changed"] > 0
    assert fixed["effect"]["low"] <= fixed["effect"]["ratio"] <= fixed["effect"]["high"]


def test_a_second_row_in_a_call_is_refused_by_both_runtimes(one_row: OneRow) -> None:
    bundle = open_bundle(one_row.folder)
    rows = bundle.golden("input")["input"].astype(np.float32)[:2]
    with pytest.raises(InputError, match=r"--batch is 2, expected 1: a call of .* takes exactly so many rows"):
        GoRuntime().run(bundle, rows, 2)
    with pytest.raises(Exception, match="cannot run it in calls of 2 rows"):
        PythonRuntime().run(bundle, rows, 2)


@pytest.mark.parametrize("one_row", ["cpu-fp32"], indirect=True)
def test_it_answers_as_the_bundle_of_any_number_of_rows(one_row: OneRow, compiled: Any, run: Run) -> None:
    usual, single = open_bundle(compiled.folder), open_bundle(one_row.folder)
    rows = single.golden("input")["input"].astype(np.float32)
    expected, found = (PythonRuntime().run(bundle, rows, 1).outputs for bundle in (usual, single))
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=2e-6, atol=2e-6)
    assert one_row.metadata["model"]["nodes"] < compiled.metadata["model"]["nodes"]
    assert dict(run("-q", "--json", "inspect", compiled.folder).json)["rows a call"] == "any"


def test_only_one_row_can_be_asked_for_and_trees_have_no_use_for_it(run: Run, tmp_path: Path) -> None:
    two = run("compile", DEMO / "consensus_demo.pth", "--batch", "2", "--out", tmp_path)
    assert (two.code, "Invalid value for '--batch'" in two.err) == (2, True)
    trees = run("-q", "compile", DEMO / "isolation_demo.pkl", "--batch", "1", "--out", tmp_path)
    assert trees.code == 2
    assert "has no use for --batch; omit it" in trees.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("rows", ["N", "1", "4"])
def test_an_onnx_file_of_any_batch_is_served_for_one_row(rows: str, run: Run, tmp_path: Path) -> None:
    text = f"""
    <ir_version: 8, opset_import: ["" : 15]> g (float[{rows},4,3] x) => (float[{rows},4,3] y)
    {{ t = Transpose <perm = [1, 0, 2]> (x)  e = Tanh (t)  y = Transpose <perm = [1, 0, 2]> (e) }}"""
    onnx.save(onnx.parser.parse_model(text), tmp_path / "file.onnx")
    options = ("--batch", "1", "--cases", "64", "--budget", "latency_p99_ms=1000", "--out", tmp_path / "dist")
    ran = run("-q", "--json", "compile", tmp_path / "file.onnx", *options)
    assert ran.code == 0, ran.err
    assert ran.json["metadata"]["model"]["batch"] == 1
    freed = [note for note in ran.json["metadata"]["source"]["notes"] if "its batch axis was freed" in note]
    assert len(freed) == (0 if rows == "N" else 1)

"""ONNX files through the command line: compiled, proven in both runtimes, verified against the file, refused."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.parser
import pytest
from onnx import numpy_helper

Run = Callable[..., Any]
Exchange = Callable[[Path, Callable[[onnx.ModelProto], None]], None]

TIMESTEPS, FEATURES, UNITS = 8, 3, 6
WIDE_BUDGET = "latency_p99_ms=1000"
NAMES = ("load", "wait", "loss")
CENTER, SCALE = (10.0, 0.5, -3.0), (4.0, 0.01, 2.0)
LSTM = f"hidden_size = {UNITS}"
# As tf2onnx writes LSTM(return_sequences=False), RepeatVector, LSTM(return_sequences=True), TimeDistributed(Dense).
AUTOENCODER = f"""
<ir_version: 8, producer_name: "tf2onnx", producer_version: "1.16.1", opset_import: ["" : 15]>
g (float[BATCH,{TIMESTEPS},{FEATURES}] input_1) => (float[BATCH,{TIMESTEPS},{FEATURES}] reconstructed)
<int64[1] zero = {{0}}, int64[1] one = {{1}}, int64[3] repeats = {{1,{TIMESTEPS},1}}>
{{
    X = Transpose <perm = [1, 0, 2]> (input_1)
    Y, h = LSTM <{LSTM}> (X, W1, R1, B1)
    code = Squeeze (h, zero)
    step = Unsqueeze (code, one)
    repeated = Tile (step, repeats)
    X2 = Transpose <perm = [1, 0, 2]> (repeated)
    Y2 = LSTM <{LSTM}> (X2, W2, R2, B2)
    steps = Squeeze (Y2, one)
    decoded = Transpose <perm = [1, 0, 2]> (steps)
    product = MatMul (decoded, kernel)
    reconstructed = Add (product, bias)
}}"""
QUANTISED = """
<ir_version: 8, producer_name: "onnx.quantize", opset_import: ["" : 13]>
g (float[N,3] x) => (float[N,2] y) <float s = {0.0625}, uint8 z = {128}, int8[3,2] w = {1,-2,3,-4,5,-6},
  float t = {0.1}, int8 o = {0}>
{ q = QuantizeLinear (x, s, z)  d = DequantizeLinear (q, s, z)  v = DequantizeLinear (w, t, o)
  m = MatMul (d, v)  y = Tanh (m) }"""


def autoencoder(batch: str = "unk__12") -> onnx.ModelProto:
    rng = np.random.default_rng(7)
    model = onnx.parser.parse_model(AUTOENCODER.replace("BATCH", batch))
    shapes = {
        "W1": (1, 4 * UNITS, FEATURES),
        "W2": (1, 4 * UNITS, UNITS),
        **dict.fromkeys(("R1", "R2"), (1, 4 * UNITS, UNITS)),
        **dict.fromkeys(("B1", "B2"), (1, 8 * UNITS)),
        "kernel": (UNITS, FEATURES),
        "bias": (FEATURES,),
    }
    model.graph.initializer.extend(
        numpy_helper.from_array(rng.normal(size=shape, scale=0.6).astype(np.float32), name)
        for name, shape in shapes.items()
    )
    return model


@dataclass(frozen=True, slots=True)
class Files:
    """The model, its scaler and samples, and what compiling it wrote."""

    folder: Path
    ran: Any

    @property
    def model(self) -> Path:
        """The file."""
        return self.folder / "model.onnx"

    @property
    def bundle(self) -> Path:
        """The model's folder."""
        return self.folder / "dist" / "window_autoencoder"

    @property
    def metadata(self) -> dict[str, Any]:
        """The version's metadata.json."""
        read: dict[str, Any] = json.loads((self.bundle / "v1.0" / "metadata.json").read_bytes())
        return read


def write_inputs(folder: Path) -> None:
    onnx.save(autoencoder(), folder / "model.onnx")
    scaler = {"type": "RobustScaler", "center": CENTER, "scale": SCALE, "feature_names": NAMES}
    (folder / "scaler.json").write_text(json.dumps(scaler), encoding="utf-8")
    samples = np.random.default_rng(1).normal(size=(40 * TIMESTEPS + 3, FEATURES)) * SCALE + CENTER
    np.savetxt(folder / "samples.csv", samples, delimiter=",", header=",".join(NAMES), comments="")


@pytest.fixture(scope="module")
def files(process: Run, tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Compile the autoencoder once, in a process of its own."""
    folder = tmp_path_factory.mktemp("onnx")
    write_inputs(folder)
    options = ("--scaler", folder / "scaler.json", "--calibration", folder / "samples.csv", "--cases", "256")
    named = ("--name", "window_autoencoder", "--budget", WIDE_BUDGET, "--out", folder / "dist", "--threshold", "2")
    return Files(folder, process("-q", "--json", "compile", folder / "model.onnx", *options, *named))


def results(metadata: dict[str, Any], check: str) -> list[dict[str, Any]]:
    return [result for result in metadata["parity"]["results"] if result["check"] == check]


def test_an_lstm_passes_in_python_and_in_go_against_float64(files: Files) -> None:
    assert files.ran.code == 0, files.ran.err
    assert files.ran.err == ""
    parity = files.metadata["parity"]
    assert (parity["verdict"], parity["reference"]) == ("pass", "float64")
    assert set(files.metadata["runtime"]["verified"]) == {"python", "go"}
    assert parity["rows"]["calibration"] == 40
    assert all(result["worst"] == 0 for result in results(files.metadata, "bit_equality"))
    assert {result["runtime"] for result in results(files.metadata, "nan_policy")} == {"python", "go"}
    assert all(result["passed"] and result["rows"] > 0 for result in results(files.metadata, "nan_policy"))
    assert max(result["worst"] for result in results(files.metadata, "batch_invariance")) < 1e-6


def test_the_bundle_says_where_it_came_from(files: Files) -> None:
    metadata = files.metadata
    source = metadata["source"]
    assert (source["framework"], source["kind"], source["file"]) == ("onnx", "onnx", "model.onnx")
    assert source["framework_version"] == "tf2onnx 1.16.1, opset 15"
    assert source["notes"] == ["opset 15 was converted to 20"]
    assert (metadata["task"], metadata["model_type"]) == ("autoencoder", "autoencoder")
    assert metadata["inputs"][0]["channels"] == list(NAMES)
    assert [layer["op"] for layer in metadata["precision"]] == ["LSTM", "LSTM", "Gemm"]
    names = [layer["layer"] for layer in metadata["precision"]]
    assert len(set(names)) == 3
    assert all(names)


def test_is_verified_against_its_file_and_other_weights_are_not(
    files: Files, run: Run, exchange: Exchange, tmp_path: Path
) -> None:
    source = ("--source", files.model, "--cases", "128")
    good = run("-q", "--json", "verify", files.bundle, *source)
    assert good.code == 0, good.err
    assert good.json["bundles"][0]["parity"]["reference"] == "float64"

    def moved(model: onnx.ModelProto) -> None:
        (weights,) = (each for each in model.graph.initializer if each.name == "R2")
        weights.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weights) * np.float32(1.001), "R2"))

    shutil.copytree(files.bundle, tmp_path / "other", symlinks=True)
    exchange(tmp_path / "other" / "v1.0", moved)
    for arguments in (source, ()):
        ran = run("-q", "--json", "verify", tmp_path / "other", *arguments)
        assert ran.code == 1, ran.err
        failed = {r["check"] for r in ran.json["bundles"][0]["parity"]["results"] if not r["passed"]}
        assert "closeness" in failed


def test_another_file_is_not_its_source(files: Files, run: Run, tmp_path: Path) -> None:
    model = autoencoder()
    model.doc_string = "another"
    onnx.save(model, tmp_path / "model.onnx")
    ran = run("-q", "verify", files.bundle, "--source", tmp_path / "model.onnx")
    assert ran.code == 2
    assert "has SHA-256" in ran.err


def test_is_inspected_without_being_run(files: Files, run: Run) -> None:
    found = dict(run("-q", "--json", "inspect", files.model).json)
    assert found["framework"] == "onnx"
    assert found["producer"] == "tf2onnx 1.16.1"
    assert found["input"] == f"input_1 float32 [unk__12, {TIMESTEPS}, {FEATURES}]"
    assert found["operators"].startswith("3 Transpose, 2 LSTM")


@pytest.mark.usefixtures("quick")
def test_a_fixed_batch_is_freed_and_proven_against_the_file_in_its_own_size(run: Run, tmp_path: Path) -> None:
    onnx.save(autoencoder("4"), tmp_path / "fixed.onnx")
    options = ("--cases", "128", "--budget", WIDE_BUDGET, "--out", tmp_path / "dist")
    ran = run("-q", "--json", "compile", tmp_path / "fixed.onnx", *options)
    assert ran.code == 0, ran.err
    assert "the file takes 4 rows a call; its batch axis was freed" in ran.json["metadata"]["source"]["notes"]
    assert ran.json["metadata"]["inputs"][0]["shape"][0] == "batch"
    assert run("-q", "verify", tmp_path / "dist" / "fixed", "--source", tmp_path / "fixed.onnx").code == 0


@pytest.mark.usefixtures("quick")
def test_a_model_that_mixes_rows_of_a_batch_fails_parity(run: Run, tmp_path: Path) -> None:
    text = """
    <ir_version: 8, opset_import: ["" : 15]> g (float[N,3] x) => (float[N,3] y)
    { m = ReduceMean <axes = [0]> (x)  y = Sub (x, m) }"""
    onnx.save(onnx.parser.parse_model(text), tmp_path / "mixing.onnx")
    options = ("--cases", "128", "--budget", WIDE_BUDGET, "--out", tmp_path / "dist")
    ran = run("-q", "--json", "compile", tmp_path / "mixing.onnx", *options)
    assert ran.code == 1, ran.err
    failed = {result["check"] for result in results(ran.json["metadata"], "batch_invariance") if not result["passed"]}
    assert failed == {"batch_invariance"}


@pytest.mark.usefixtures("quick")
def test_what_has_no_float64_is_compared_in_float32_and_says_so(run: Run, tmp_path: Path) -> None:
    onnx.save(onnx.parser.parse_model(QUANTISED), tmp_path / "quantised.onnx")
    options = ("--cases", "128", "--budget", WIDE_BUDGET, "--out", tmp_path / "dist")
    ran = run("-q", "--json", "compile", tmp_path / "quantised.onnx", *options)
    assert ran.code in (0, 1), ran.err
    metadata = ran.json["metadata"]
    assert metadata["parity"]["reference"] == "float32"
    assert any("no float64 ONNX operator QuantizeLinear" in note for note in metadata["source"]["notes"])
    assert ran.code == 0, [result for result in metadata["parity"]["results"] if not result["passed"]]


@pytest.mark.usefixtures("quick")
def test_weights_beside_the_file_belong_to_the_source(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "split.onnx"
    onnx.save(autoencoder(), path, save_as_external_data=True, location="split.bin", size_threshold=0)
    options = ("--cases", "64", "--budget", WIDE_BUDGET, "--out", tmp_path / "dist")
    ran = run("-q", "--json", "compile", path, *options)
    assert ran.code == 0, ran.err
    assert any(
        note.startswith("external data split.bin has SHA-256 ") for note in ran.json["metadata"]["source"]["notes"]
    )
    verify = ("-q", "verify", tmp_path / "dist" / "split", "--source", path, "--cases", "64")
    assert run(*verify).code == 0
    weights = bytearray((tmp_path / "split.bin").read_bytes())
    weights[0] ^= 1
    (tmp_path / "split.bin").write_bytes(weights)
    ran = run(*verify)
    assert ran.code == 2
    assert "external data split.bin has SHA-256" in ran.err
    assert "was not compiled" in ran.err


def refused(ran: Any, *fragments: str) -> None:
    assert ran.code == 2, ran
    assert ran.out == ""
    (line,) = ran.err.splitlines()
    assert line.startswith("dwcpc: ")
    assert "a bug in dwcpc" not in line
    for fragment in fragments:
        assert fragment in line


@pytest.mark.parametrize("option", [("--timesteps", "8"), ("--arch", "bandwidth_predictor"), ("--missing", "0")])
def test_options_that_have_no_use_here_are_refused(
    option: tuple[str, str], files: Files, run: Run, tmp_path: Path
) -> None:
    ran = run("-q", "compile", files.model, *option, "--out", tmp_path / "out")
    refused(ran, f"which has no use for {option[0]}; omit it")
    assert not (tmp_path / "out").exists()


def unknown_operator() -> bytes:
    model = autoencoder()
    model.graph.node[0].op_type = "Transposed"
    return model.SerializeToString()


def missing_weight() -> bytes:
    model = autoencoder()
    del model.graph.initializer[3]
    return model.SerializeToString()


def several_outputs() -> bytes:
    model = autoencoder()
    model.graph.output.append(onnx.helper.make_tensor_value_info("code", onnx.TensorProto.FLOAT, ["unk__12", UNITS]))
    return model.SerializeToString()


BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "truncated": (lambda: autoencoder().SerializeToString()[:-200], "truncated or altered"),
    "an unknown operator": (unknown_operator, "Transposed (node 'X') is no operator of ONNX"),
    "several outputs": (several_outputs, "2 outputs ('reconstructed', 'code')"),
    "a weight that is missing": (missing_weight, "'W1', which is no input"),
}


@pytest.mark.parametrize("case", BAD)
def test_refuses_a_file_with(case: str, run: Run, tmp_path: Path) -> None:
    make, fragment = BAD[case]
    (tmp_path / "bad.onnx").write_bytes(make())
    refused(run("-q", "compile", tmp_path / "bad.onnx", "--out", tmp_path / "out"), "bad.onnx", fragment)
    assert not (tmp_path / "out").exists()


def test_a_real_process_prints_one_line_and_none_of_onnxruntimes(process: Run, tmp_path: Path) -> None:
    text = """
    <ir_version: 8, opset_import: ["" : 15]> g (float[N,3] x) => (float[N,4] y) <int64[2] s = {-1,7}>
    { y = Reshape (x, s) }"""
    onnx.save(onnx.parser.parse_model(text), tmp_path / "bad.onnx")
    ran = process("-q", "compile", tmp_path / "bad.onnx", "--out", tmp_path / "out", environment=dict(os.environ))
    refused(ran, "bad.onnx", "Reshape")


def test_a_csv_whose_columns_are_in_another_order_is_refused(files: Files, run: Run, tmp_path: Path) -> None:
    lines = (files.folder / "samples.csv").read_text(encoding="utf-8").splitlines()
    (tmp_path / "samples.csv").write_text("\n".join(["wait,load,loss", *lines[1:]]), encoding="utf-8")
    options = ("--scaler", files.folder / "scaler.json", "--calibration", tmp_path / "samples.csv")
    ran = run("-q", "compile", files.model, *options, "--out", tmp_path / "out")
    refused(ran, "samples.csv", "column 1 of the header is 'wait', expected 'load'")
    assert not (tmp_path / "out").exists()

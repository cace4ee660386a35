"""Features through the command line: embedded before a forest and a window model, proven on raw windows, refused."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from dwcpc.compiler.features.shipped import shipped_spec

Run = Callable[..., Any]
Exchange = Callable[[Path, Callable[[onnx.ModelProto], None]], None]

REPOSITORY = Path(__file__).resolve().parents[2]
DEMO = REPOSITORY / "models" / "demo"
REAL = REPOSITORY / ".." / "shared" / "real" / "node_reliability"
FOREST = REAL / "isolation_forest_node_reliability.pkl"
WIDE_BUDGET = "latency_p99_ms=1000"
THRESHOLD = "0.6"  # of the demonstration's autoencoder, between its calm windows and the others


def demo_features() -> dict[str, Any]:
    """Return features of the demonstration model's names, most of them copies, over columns that lie where those do."""
    names = json.loads((DEMO / "consensus_demo_scaler.json").read_text(encoding="utf-8"))["feature_names"]
    steps: list[dict[str, Any]] = [{"name": name, "op": "copy", "of": name} for name in names]
    steps[0] = {"name": names[0], "op": "rolling_mean", "of": "first", "window": 3}
    steps[1] = {"name": names[1], "op": "clip", "of": "second", "low": -1e9}
    steps[2] = {"name": names[2], "op": "lag", "of": "third", "samples": 2}
    terms = [{"of": "fourth", "weight": 0.5}, {"of": "fifth", "weight": 2.0, "per": 4.0}]
    steps[3] = {"name": names[3], "op": "weighted_sum", "terms": terms}
    columns = ["first", "second", "third", "fourth", "fifth", *names[4:]]
    document = {"schema": "dwcpc.features/1", "name": "demo", "columns": [{"name": name} for name in columns]}
    return {**document, "steps": steps}


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demonstration's features, in a file."""
    path = tmp_path_factory.mktemp("spec") / "demo.json"
    path.write_text(json.dumps(demo_features()), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def demo(spec: Path, process: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demonstration's autoencoder with its features in front, compiled once."""
    out = tmp_path_factory.mktemp("embedded")
    options = ("--scaler", DEMO / "consensus_demo_scaler.json", "--threshold", THRESHOLD, "--cases", 256)
    features = ("--features", spec, "--embed-features", "--budget", WIDE_BUDGET, "--out", out, "--name", "demo")
    ran = process("-q", "compile", DEMO / "consensus_demo.pth", *options, *features)
    assert ran.code == 0, ran.err + ran.out
    return out / "demo" / "v1.0"


def metadata_of(folder: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((folder / "metadata.json").read_bytes())
    return read


def results(metadata: dict[str, Any], check: str) -> list[dict[str, Any]]:
    return [result for result in metadata["parity"]["results"] if result["check"] == check]


def test_a_window_model_takes_raw_windows_and_decides_as_its_source(demo: Path, spec: Path) -> None:
    metadata = metadata_of(demo)
    (given,) = metadata["inputs"]
    assert given["shape"] == ["batch", 32, 13]
    assert given["channels"][:5] == ["first", "second", "third", "fourth", "fifth"]
    assert metadata["features"]["spec"] == json.loads(spec.read_bytes())
    assert (metadata["features"]["embedded"], metadata["features"]["timesteps"]) == (True, 30)
    assert "threshold" in metadata["parity"]["rows"]
    assert metadata["parity"]["rows"]["non_finite"] > 0
    decisions = results(metadata, "decisions")
    assert {result["runtime"] for result in decisions} == {"python", "go"}
    assert all(result["worst"] == 0 for result in decisions)
    assert metadata["passes"][-1]["name"] == "embed_features"


def test_the_model_alone_says_what_it_computes(demo: Path, spec: Path) -> None:
    properties = {each.key: each.value for each in onnx.load(demo / "model.onnx").metadata_props}
    told = json.loads(properties["dwcpc.feature_spec"])
    assert told == {"embedded": True, "spec": json.loads(spec.read_bytes())}
    assert json.loads(properties["dwcpc.features"]) == metadata_of(demo)["inputs"][0]["channels"]


def test_verify_goes_from_raw_windows_through_the_source(demo: Path, run: Run) -> None:
    assert run("verify", demo, "--runtime", "python").code == 0
    ran = run("--json", "verify", demo, "--source", DEMO / "consensus_demo.pth", "--cases", 128, "--runtime", "python")
    assert ran.code == 0, ran.err


def test_a_graph_that_computes_another_feature_is_another_model(
    demo: Path, run: Run, exchange: Exchange, tmp_path: Path
) -> None:
    def heavier(model: onnx.ModelProto) -> None:
        (weights,) = (each for each in model.graph.initializer if each.name.startswith("dwcpc_feature_weights_"))
        weights.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weights) * 1.001, weights.name))

    folder = Path(shutil.copytree(demo, tmp_path / "demo" / "v1.0"))
    exchange(folder, heavier)
    assert run("verify", folder, "--runtime", "python").code == 1
    ran = run("verify", folder, "--source", DEMO / "consensus_demo.pth", "--cases", 64, "--runtime", "python")
    assert ran.code == 1


def test_features_of_other_names_are_refused_with_the_first(run: Run, tmp_path: Path) -> None:
    ran = run(
        *("compile", DEMO / "consensus_demo.pth", "--scaler", DEMO / "consensus_demo_scaler.json"),
        *("--features", "consensus_latency", "--out", tmp_path),
    )
    assert ran.code == 2
    assert "consensus_latency: feature 0 is 'commit_latency_ms', expected 'proposal_latency_ms'" in ran.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.skipif(not FOREST.exists(), reason="the real models lie in ../shared, which is not part of the repository")
@pytest.mark.parametrize("embed", [True, False], ids=["embedded", "recorded"])
def test_the_real_forest_with_its_123_features(embed: bool, run: Run, tmp_path: Path, quick: None) -> None:
    options = ("--scaler", REAL / "scaler_node_reliability.pkl", "--threshold", "-0.377", "--budget", WIDE_BUDGET)
    features = ("--features", "node_reliability_123", *(["--embed-features"] if embed else []))
    ran = run("-q", "compile", FOREST, *options, *features, "--cases", 1024, "--out", tmp_path, "--name", "nodes")
    assert ran.code == 0, ran.err + ran.out
    metadata = metadata_of(tmp_path / "nodes" / "v1.0")
    names = list(shipped_spec("node_reliability_123").features)
    assert metadata["inputs"][0]["shape"] == (["batch", 15, 12] if embed else ["batch", 123])
    assert embed or metadata["inputs"][0]["channels"] == names
    for check in ("decisions", "leaf_paths"):
        assert all(result["worst"] == 0 and result["rows"] > 0 for result in results(metadata, check))
    assert "threshold" in metadata["parity"]["rows"]
    computed = np.load(tmp_path / "nodes" / "v1.0" / metadata["features"]["golden"]["features"]["file"])
    assert computed.shape[1:] == (1, 123)


@pytest.mark.slow
def test_reduced_precision_leaves_the_features_in_float64(spec: Path, process: Run, tmp_path: Path) -> None:
    options = ("--scaler", DEMO / "consensus_demo_scaler.json", "--threshold", THRESHOLD, "--cases", 128)
    more = ("--features", spec, "--embed-features", "--budget", WIDE_BUDGET, "--out", tmp_path, "--target", "cpu-fp16")
    environment = {**os.environ, "DWCPC_CACHE": str(tmp_path / "cache")}
    ran = process("-q", "compile", DEMO / "consensus_demo.pth", *options, *more, environment=environment)
    assert ran.code == 0, ran.err + ran.out
    folder = tmp_path / "consensus_demo" / "v1.0"
    graph = onnx.load(folder / "model.onnx").graph
    kinds = {each.data_type for each in graph.initializer if each.name.startswith("dwcpc_feature_")}
    assert kinds == {onnx.TensorProto.DOUBLE, onnx.TensorProto.INT64}
    assert onnx.TensorProto.FLOAT16 in {each.data_type for each in graph.initializer}
    metadata = metadata_of(folder)
    assert metadata["inputs"][0]["shape"] == ["batch", 32, 13]
    (chosen,) = (each for each in metadata["precision_search"]["candidates"] if each["chosen"])
    assert chosen["rows"] > 2048  # those of the search are drawn features, those that confirm are of raw windows
    assert chosen["worst_row"] <= 0.75
    assert all(result["passed"] for result in results(metadata, "noise"))

"""An ONNX file is known by its records; no other framework's file is claimed, and none of them claims ONNX's."""

from __future__ import annotations

import io
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from dwcpc.compiler.artifact import Artifact
from dwcpc.compiler.sources import SOURCES, source_of
from dwcpc.compiler.sources.onnx_model.wire import looks_like_onnx

ROOT = Path(__file__).resolve().parents[4]
FILES = sorted(path for path in (ROOT / "models" / "demo").iterdir() if path.is_file())
SAVED = Path(__file__).resolve().parents[1] / "xgboost" / "saved_by"


def claimed_by(data: bytes) -> list[str]:
    return [source.name for source in SOURCES if source.detect(Artifact(Path("model.bin"), data, ""))]


def test_files_as_exporters_write_them_are_onnx_and_nobody_elses(keras_like, torch_export, modules, from_text) -> None:
    fixture = ROOT / "tests" / "fixtures"
    files = [path.read_bytes() for path in (fixture / "add_one.onnx", fixture / "bundles" / "good" / "model.onnx")]
    files += [keras_like().SerializeToString(), torch_export(modules["repeats"])]
    for data in files:
        assert claimed_by(data) == ["onnx"]


def test_a_truncated_file_is_still_onnx(keras_like) -> None:
    data = keras_like().SerializeToString()
    for length in (60, 200, len(data) - 1):
        assert source_of(Artifact(Path("model.bin"), data[:length], "")).name == "onnx"


@pytest.mark.parametrize(
    "path",
    sorted(path for path in SAVED.rglob("*") if path.is_file()),
    ids=lambda path: f"{path.parent.name}/{path.name}",
)
def test_no_file_of_xgboosts_is_claimed(path: Path) -> None:
    assert not looks_like_onnx(path.read_bytes())


def test_no_file_of_another_framework_is_claimed() -> None:
    model = LogisticRegression().fit(np.eye(4), [0, 1, 0, 1])
    stream = io.BytesIO()
    torch.save({"w": torch.ones(3)}, stream)
    for data in (*(pickle.dumps(model, protocol) for protocol in range(6)), stream.getvalue()):
        assert not looks_like_onnx(data)
        assert claimed_by(data) != []
    assert len(FILES) > 5
    for path in FILES:
        assert not looks_like_onnx(path.read_bytes()), path


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x08\x0a",
        b"\x08\x07\x12\x04tf2o",  # an ONNX file's beginning, and no graph
        b"\x3a\x02\x0a\x00",  # a graph, and neither an opset nor a version
        b"\x08\x01\x12\x06a graph",  # a record that SavedModel has and ONNX has not in that length
        b"\x08\x07\x3a\x04\xff\xff\xff\xff",  # what should be a graph is none
        b"\x08\x07\x40\x04",  # field 8 as a number
        b"\xff" * 40,
        json.dumps({"learner": {}, "gradient_booster": {}}).encode(),
        np.arange(100, dtype=np.float32).tobytes(),
    ],
    ids=repr,
)
def test_what_is_no_model_is_not_claimed(data: bytes) -> None:
    assert not looks_like_onnx(data)


def test_random_bytes_are_not_claimed() -> None:
    rng = np.random.default_rng(0)
    assert not any(looks_like_onnx(rng.bytes(int(rng.integers(1, 80)))) for _ in range(20_000))

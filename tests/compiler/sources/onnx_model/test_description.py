"""What `inspect` says of an ONNX file, also of one that cannot be compiled."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

from dwcpc.compiler.artifact import Artifact, read_artifact
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.sources import source_of


def described(artifact: Artifact) -> dict[str, str]:
    return dict(source_of(artifact).describe(artifact))


def test_says_who_wrote_it_what_goes_in_and_what_is_inside(keras_like) -> None:
    found = described(Artifact(Path("model.onnx"), keras_like().SerializeToString(), ""))
    assert found == {
        "kind": "onnx",
        "producer": "tf2onnx 1.16.1",
        "opsets": "ai.onnx 15",
        "ir version": "8",
        "input": "input_1 float32 [unk__1, 6, 3]",
        "output": "time_distributed_1 float32 [unk__1, 6, 3]",
        "parameters": str(4 * 5 * (3 + 5 + 2) + 4 * 5 * (5 + 5 + 2) + 5 * 3 + 3),
        "operators": "3 Transpose, 2 LSTM, 2 Squeeze, 1 Unsqueeze, 1 Tile, 1 MatMul, 1 Add",
    }


def test_describes_what_cannot_be_compiled(from_text) -> None:
    text = "g (float[N,3] x, double v) => (seq(float[N,3]) y) { y = com.example.Magic (x, v) }"
    found = described(Artifact(Path("model.onnx"), from_text(text, imports=', "com.example" : 1'), ""))
    assert found["operators"] == "1 com.example.Magic"
    assert found["output"] == "y sequence"
    assert found["opsets"] == "ai.onnx 17, com.example 1"


def test_names_the_files_beside_it_or_says_what_is_wrong_with_them(tmp_path, keras_like) -> None:
    path = tmp_path / "model.onnx"
    onnx.save(keras_like(), path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    size = (tmp_path / "weights.bin").stat().st_size
    assert described(read_artifact(path))["external data"].startswith(f"weights.bin {size} bytes sha256 ")
    (tmp_path / "weights.bin").unlink()
    assert "which is not there" in described(read_artifact(path))["external data"]


def test_a_truncated_file_gets_a_sentence(keras_like) -> None:
    data = keras_like().SerializeToString()[:300]
    with pytest.raises(InputError, match=r"cannot be read .*truncated or altered"):
        described(Artifact(Path("model.onnx"), data, ""))

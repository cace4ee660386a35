"""Altered bytes end in one sentence or in a model that answers; in a process of their own, so that a crash is seen."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dwcpc.compiler.errors import InputError

MUTATIONS = 600
TRUNCATIONS = 60
PROGRAM = """
import sys
from pathlib import Path
import numpy as np
from dwcpc.compiler.artifact import Artifact
from dwcpc.compiler.errors import InputError, PrecisionError
from dwcpc.compiler.sources import source_of
from dwcpc.compiler.sources.base import LoadOptions

path, mutations, truncations = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
original = path.read_bytes()
rng = np.random.default_rng(20260101)
counts = {"answered": 0, "refused": 0}
for index in range(mutations + truncations):
    data = bytearray(original)
    if index < mutations:
        for _ in range(rng.integers(1, 4)):
            data[rng.integers(len(data))] = rng.integers(256)
    else:
        del data[rng.integers(len(data)):]
    artifact = Artifact(path, bytes(data), "")
    try:
        source = source_of(artifact)
        source.describe(artifact)
        network = source.load(artifact, LoadOptions())
        rows = np.ones((2, *network.spec.input_shape), np.float32)
        assert network.predict(rows, "float32").shape == (2, *network.spec.output_shape)
        try:
            network.predict(rows, "float64")
        except PrecisionError as error:
            assert "\\n" not in str(error)
        network.export(20)
        counts["answered"] += 1
    except InputError as error:
        assert "\\n" not in str(error) and path.name in str(error), error
        counts["refused"] += 1
print(counts["answered"], counts["refused"])
"""


@pytest.mark.slow
@pytest.mark.parametrize("size", ["few weights", "many weights"])
def test_altered_files_are_refused_in_a_sentence_or_answer(size: str, keras_like, from_text, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    few = "g (float[N,3] x) => (float[N,3] y) <float[3] w = {1,2,3}> { z = Mul (x, w)  s = Softmax (z)  y = Tanh (s) }"
    path.write_bytes(from_text(few) if size == "few weights" else keras_like().SerializeToString())
    argv = [sys.executable, "-c", PROGRAM, str(path), str(MUTATIONS), str(TRUNCATIONS)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    answered, refused = map(int, done.stdout.split())
    assert answered + refused == MUTATIONS + TRUNCATIONS
    assert answered > 10
    assert refused > MUTATIONS // 10
    assert done.stderr == ""


def record(field: int, content: bytes) -> bytes:
    """Return a length-delimited protobuf record."""
    length, size = len(content), b""
    while True:
        size += bytes([length & 0x7F | (0x80 if length > 0x7F else 0)])
        length >>= 7
        if not length:
            return bytes([field << 3 | 2]) + size + content


@pytest.mark.parametrize("depth", [10, 40, 5000])
def test_graphs_in_graphs_end_in_a_sentence(depth: int, load) -> None:
    graph = record(1, record(2, b"y") + record(4, b"Constant"))
    for _ in range(depth):
        branch = record(1, b"then_branch") + record(6, graph) + b"\xa0\x01\x05"
        graph = record(1, record(1, b"c") + record(2, b"y") + record(4, b"If") + record(5, branch))
    with pytest.raises(InputError, match=r"takes 'c'|cannot be read"):
        load(b"\x08\x08" + record(7, graph) + record(8, b"\x10\x11"))


def test_a_shape_of_terabytes_computed_in_the_graph_ends_in_a_sentence(load, from_text) -> None:
    text = """
    g (float[N,3] x) => (float[N,3] y) <int64[1] s = {4000000000000}>
    { z = ConstantOfShape (s)  m = ReduceSum <keepdims = 0> (z)  y = Add (x, m) }"""
    with pytest.raises(InputError, match=r"'z' has 4000000000000 numbers"):
        load(from_text(text))


@pytest.mark.parametrize(
    ("count", "pattern"), [(2**40, r"'repeated' has \d+ numbers, more than the"), (2**15, "runs 32768 steps")]
)
def test_a_repetition_without_measure_ends_in_a_sentence(count, pattern, load, keras_like) -> None:
    model = keras_like()
    repeats = next(tensor for tensor in model.graph.initializer if tensor.name == "repeats")
    repeats.raw_data = np.array([1, count, 1], np.int64).tobytes()
    with pytest.raises(InputError, match=pattern):
        load(model.SerializeToString())

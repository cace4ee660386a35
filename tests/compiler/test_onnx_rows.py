"""The rows a call takes are read from an ONNX file's bytes as the onnx package reads them; what is none says so."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from dwcpc.compiler.onnx_rows import first_axes

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
MODELS = sorted(FIXTURES.glob("**/*.onnx"))
GOOD = FIXTURES / "bundles" / "good" / "model.onnx"


def as_onnx_reads_it(model: onnx.ModelProto) -> dict[str, int | None]:
    weights = {tensor.name for tensor in model.graph.initializer}
    found: dict[str, int | None] = {}
    for value in (*model.graph.input, *model.graph.output):
        axes = value.type.tensor_type.shape.dim
        if value.name not in weights:
            found[value.name] = axes[0].dim_value if axes and axes[0].HasField("dim_value") else None
    return found


@pytest.mark.parametrize("path", MODELS, ids=[path.parent.name + "/" + path.name for path in MODELS])
def test_reads_what_onnx_reads(path: Path) -> None:
    assert first_axes(path.read_bytes()) == as_onnx_reads_it(onnx.load(path))


def test_reads_one_row_any_number_and_other_numbers() -> None:
    shapes: dict[str, list[int | str | None] | None] = {
        "one": [1, 2],
        "named": ["batch", 2],
        "unnamed": [None, 2],
        "many": [1 << 40],
        "none": [0, 2],
        "scalar": [],
        "unknown": None,
    }
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    model = helper.make_model(helper.make_graph([], "g", values, []))
    found = {"one": 1, "named": None, "unnamed": None, "many": 1 << 40, "none": 0, "scalar": None, "unknown": None}
    assert first_axes(model.SerializeToString()) == found == as_onnx_reads_it(model)


def test_an_input_with_an_initializer_is_a_weight() -> None:
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [3]) for name in ("x", "w")]
    weight = helper.make_tensor("w", TensorProto.FLOAT, [3], [1, 2, 3])
    model = helper.make_model(helper.make_graph([], "g", values, [], [weight]))
    assert first_axes(model.SerializeToString()) == {"x": 3}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "holds 0 graphs"),
        (2 * onnx.ModelProto(graph=helper.make_graph([], "g", [], [])).SerializeToString(), "holds 2 graphs"),
        (b"\x3a\x05\x0a", "ends inside a field"),
        (b"\x3a", "ends inside a number"),
        (b"\xff" * 12, "more than 64 bits"),
        (b"\x3b", "wire type 3"),
    ],
)
def test_refuses_what_is_no_onnx_file(data: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        first_axes(data)


@given(place=st.integers(0, GOOD.stat().st_size - 1), byte=st.integers(0, 255), kept=st.integers(0, 1000))
def test_damage_is_refused_or_read_and_nothing_else(place: int, byte: int, kept: int) -> None:
    data = bytearray(GOOD.read_bytes())
    data[place] = byte
    try:
        found = first_axes(bytes(data[:kept]))
    except ValueError:
        return
    assert all(rows is None or rows >= 0 for rows in found.values())

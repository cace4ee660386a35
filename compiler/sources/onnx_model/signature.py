"""What goes into the graph and comes out: one float32 input, one output of floats, the batch on the first axis."""

from __future__ import annotations

import math
from dataclasses import dataclass

import onnx
from onnx import TensorProto

from dwcpc.compiler.artifact import Artifact
from dwcpc.compiler.errors import InputError

MAX_ROW_VALUES = 1 << 24  # 64 MiB a row
OUTPUT_TYPES = (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16)


@dataclass(frozen=True, slots=True)
class Signature:
    """The input's name and shape of one row, the output's name and type; `batch` is none where that axis is free."""

    input: str
    input_shape: tuple[int, ...]
    output: str
    output_type: int
    batch: int | None


def read_signature(artifact: Artifact, model: onnx.ModelProto, asked: tuple[int, ...] | None) -> Signature:
    """Return the signature; `asked` is the user's shape of one row, and fills axes of unknown length."""
    entry = _only_input(artifact, model.graph)
    batch, row = _input_axes(artifact, entry, asked)
    output = _only_output(artifact, model.graph)
    shape = _row_shape(artifact, row, asked)
    if math.prod(shape) > MAX_ROW_VALUES:
        raise InputError(
            f"{artifact.path}: takes rows of {math.prod(shape)} values, more than the {MAX_ROW_VALUES} that a row may "
            "have; the file is altered, export it again"
        )
    return Signature(entry.name, shape, output.name, output.type.tensor_type.elem_type, batch)


def real_inputs(graph: onnx.GraphProto) -> list[onnx.ValueInfoProto]:
    """Return the inputs that a caller must give: older files list their weights beside them."""
    weights = {tensor.name for tensor in graph.initializer}
    return [value for value in graph.input if value.name not in weights]


def type_text(value: onnx.ValueInfoProto) -> str:
    """Return type and shape as `float32 [batch, 30, 12]`."""
    if not value.type.HasField("tensor_type"):
        return str(value.type.WhichOneof("value") or "of unknown type").removesuffix("_type")
    tensor = value.type.tensor_type
    name = TensorProto.DataType.Name(tensor.elem_type) if tensor.elem_type in TensorProto.DataType.values() else "?"
    name = {"FLOAT": "float32", "DOUBLE": "float64"}.get(name, name.lower())
    if not tensor.HasField("shape"):
        return f"{name} of unknown shape"
    axes = (str(axis.dim_value) if axis.HasField("dim_value") else axis.dim_param or "?" for axis in tensor.shape.dim)
    return f"{name} [{', '.join(axes)}]"


def _only_input(artifact: Artifact, graph: onnx.GraphProto) -> onnx.ValueInfoProto:
    inputs = real_inputs(graph)
    if len(inputs) != 1:
        names = ", ".join(repr(value.name) for value in inputs) or "none"
        raise InputError(
            f"{artifact.path}: takes {len(inputs)} inputs ({names}), expected one; export it with one, or cut it out "
            "with onnx.utils.extract_model"
        )
    if inputs[0].type.tensor_type.elem_type != TensorProto.FLOAT:
        raise InputError(
            f"{artifact.path}: its input {inputs[0].name!r} is {type_text(inputs[0])}, expected float32; export it so"
        )
    return inputs[0]


def _only_output(artifact: Artifact, graph: onnx.GraphProto) -> onnx.ValueInfoProto:
    if len(graph.output) != 1:
        names = ", ".join(repr(value.name) for value in graph.output) or "none"
        raise InputError(
            f"{artifact.path}: has {len(graph.output)} outputs ({names}), expected one; keep the one that is wanted "
            "with onnx.utils.extract_model(path, new_path, [input], [output])"
        )
    output: onnx.ValueInfoProto = graph.output[0]
    if output.type.tensor_type.elem_type not in OUTPUT_TYPES:
        raise InputError(
            f"{artifact.path}: its output {output.name!r} is {type_text(output)}, expected floats; keep an output of "
            "floats with onnx.utils.extract_model(path, new_path, [input], [output])"
        )
    return output


def _input_axes(
    artifact: Artifact, entry: onnx.ValueInfoProto, asked: tuple[int, ...] | None
) -> tuple[int | None, list[int | None]]:
    """Return the batch and the other axes, none where they are free; of an input without a shape all are."""
    if asked is not None and not entry.type.tensor_type.HasField("shape"):
        return None, [None] * len(asked)
    shape = entry.type.tensor_type.shape
    axes = [axis.dim_value if axis.HasField("dim_value") and axis.dim_value != -1 else None for axis in shape.dim]
    if len(axes) < 2 or any(axis is not None and axis < 1 for axis in axes):
        raise InputError(
            f"{artifact.path}: its input {entry.name!r} is {type_text(entry)}, expected the batch on the first axis "
            "and positive others; export it with a batch axis"
        )
    return axes[0], axes[1:]


def _row_shape(artifact: Artifact, row: list[int | None], asked: tuple[int, ...] | None) -> tuple[int, ...]:
    known = tuple("?" if axis is None else str(axis) for axis in row)
    if asked is None:
        if None in row:
            raise InputError(
                f"{artifact.path}: takes rows of [{', '.join(known)}], which leaves axes open; give the shape without "
                "the batch axis: --input-shape 30,12"
            )
        return tuple(axis for axis in row if axis is not None)
    fits = len(asked) == len(row) and all(axis in (None, given) for axis, given in zip(row, asked, strict=True))
    if not fits:
        raise InputError(
            f"--input-shape {','.join(map(str, asked))}: {artifact.path} takes rows of [{', '.join(known)}]; omit it "
            "or give that shape"
        )
    return asked

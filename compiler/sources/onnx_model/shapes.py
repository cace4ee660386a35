"""The shapes that values have for a number of rows, as far as onnx can infer them without computing anything."""

from __future__ import annotations

from math import prod

import onnx
from onnx import TypeProto

from dwcpc.compiler.artifact import Artifact
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.sources.onnx_model.protobuf import messages, named
from dwcpc.compiler.sources.onnx_model.signature import Signature

RECURRENT = ("LSTM", "GRU", "RNN")
MAX_VALUES = 1 << 24  # of one result in a call of the file: 64 MiB in float32, for one row where it takes one
MAX_STEPS = 1 << 14  # of a recurrent layer, one after another


def inferred_shapes(model: onnx.ModelProto, input_name: str, rows: int, row: tuple[int, ...]) -> dict[str, list[int]]:
    """Return the shape of each value of the graph, and of those inside it, that is known in full for `rows` rows."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for graph in messages(copy, onnx.GraphProto):
        del graph.value_info[:]
    for declared in (declared for value in copy.graph.output for declared in messages(value, TypeProto.Tensor)):
        declared.ClearField("shape")
    for value in copy.graph.input:
        if value.name == input_name:
            value.CopyFrom(onnx.helper.make_tensor_value_info(input_name, onnx.TensorProto.FLOAT, [rows, *row]))
    try:
        inferred = onnx.shape_inference.infer_shapes(copy, data_prop=True)
    except Exception:  # a graph that contradicts itself; what runs it says so
        return {}
    shapes: dict[str, list[int]] = {}
    for graph in messages(inferred, onnx.GraphProto):
        for value in (*graph.value_info, *graph.input, *graph.output):
            tensor = value.type.tensor_type
            if tensor.HasField("shape") and all(axis.HasField("dim_value") for axis in tensor.shape.dim):
                shapes[value.name] = [axis.dim_value for axis in tensor.shape.dim]
    return shapes


def check_sizes(artifact: Artifact, model: onnx.ModelProto, signature: Signature) -> None:
    """Refuse a graph whose shapes alone say that a result is enormous, before anything computes it."""
    shapes = inferred_shapes(model, signature.input, signature.batch or 1, signature.input_shape)
    for name, shape in shapes.items():
        if prod(shape) > MAX_VALUES:
            raise InputError(
                f"{artifact.path}: its value {name!r} has {prod(shape)} numbers, more than the {MAX_VALUES} that a "
                "model may need; the file is altered, or takes far more rows a call than one"
            )
    for node in messages(model, onnx.NodeProto):
        steps = shapes.get(node.input[0], [0])[0] if node.op_type in RECURRENT else 0
        if steps > MAX_STEPS:
            raise InputError(
                f"{artifact.path}: {named(node)} runs {steps} steps, more than the {MAX_STEPS} that a window may have; "
                "the file is altered, export it again"
            )

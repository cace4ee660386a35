"""Rows that do not mix: the network becomes the body of a Scan over the batch.

onnxruntime's DynamicQuantizeLSTM chooses one range for all rows of a call, so that a row's answer would depend on
those beside it (27 dB apart, measured on the consensus autoencoder in batches of 64). In a Scan each row is a call of
its own, with the same bits at every batch size. At batch 1 that costs about 1 % (paired).
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper

from dwcpc.compiler.passes.cancel_layout_pairs import CancelLayoutPairs
from dwcpc.compiler.passes.drop_dead_outputs import DropDeadOutputs
from dwcpc.compiler.quantize.names import with_names

ROW_INPUT = "dwcpc_row"
ROW_OUTPUT = "dwcpc_row_output"
ROW_AXIS = "dwcpc_row_axis"
INNER = "dwcpc_inner_"  # of the network's own ends inside the body, whose names must not be those outside


def each_row_alone(network: onnx.ModelProto) -> onnx.ModelProto:
    """Return `network`, of one input and one output with the rows first, with each row computed on its own.

    It may be a network for one row: what is returned takes any number.
    """
    (given,), (returned,) = network.graph.input, network.graph.output
    body = _of_row(network).graph
    scan = helper.make_node("Scan", [given.name], [returned.name], name="each_row_alone", body=body, num_scan_inputs=1)
    model = onnx.ModelProto()
    model.CopyFrom(network)
    model.graph.CopyFrom(helper.make_graph([scan], network.graph.name, [_batched(given)], [_batched(returned)]))
    return model


def _of_row(network: onnx.ModelProto) -> onnx.ModelProto:
    """Return `network` from a row to its answer, both without the batch axis."""
    (given,), (returned,) = network.graph.input, network.graph.output
    renamed = {value.name: INNER + value.name for value in (given, returned)}
    axis = numpy_helper.from_array(np.array([0], np.int64), ROW_AXIS)
    first = helper.make_node("Unsqueeze", [ROW_INPUT, ROW_AXIS], [renamed[given.name]], name=ROW_INPUT + "_node")
    last = helper.make_node("Squeeze", [renamed[returned.name], ROW_AXIS], [ROW_OUTPUT], name=ROW_OUTPUT + "_node")
    ends = _without_batch(given, ROW_INPUT), _without_batch(returned, ROW_OUTPUT)
    model = onnx.ModelProto()
    model.CopyFrom(network)
    model.graph.CopyFrom(
        helper.make_graph(
            [first, *(with_names(node, renamed) for node in network.graph.node), last],
            "row",
            ends[:1],
            ends[1:],
            [*network.graph.initializer, axis],
            value_info=[*network.graph.value_info, *(_renamed(value, renamed) for value in (given, returned))],
        )
    )
    # The axis that comes and goes meets Reshapes at both ends; what a replaced layer has left unused goes as well.
    return DropDeadOutputs().apply(CancelLayoutPairs().apply(model).model).model


def _renamed(value: onnx.ValueInfoProto, names: dict[str, str]) -> onnx.ValueInfoProto:
    copy = onnx.ValueInfoProto()
    copy.CopyFrom(value)
    copy.name = names[value.name]
    return copy


def _batched(value: onnx.ValueInfoProto) -> onnx.ValueInfoProto:
    batched = onnx.ValueInfoProto()
    batched.CopyFrom(value)
    rows = batched.type.tensor_type.shape.dim[0]
    rows.dim_param = rows.dim_param or "batch"
    return batched


def _without_batch(value: onnx.ValueInfoProto, name: str) -> onnx.ValueInfoProto:
    tensor = value.type.tensor_type
    shape = [axis.dim_value if axis.HasField("dim_value") else axis.dim_param for axis in tensor.shape.dim[1:]]
    return helper.make_tensor_value_info(name, tensor.elem_type, shape)

"""Rows that do not mix: the network becomes the body of a Scan over the batch.

onnxruntime's DynamicQuantizeLSTM chooses one range for all rows of a call, so that a row's answer would depend on
those beside it (27 dB apart, measured on the consensus autoencoder in batches of 64). In a Scan each row is a call of
its own, with the same bits at every batch size. At batch 1 that costs about 1 % (paired).
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper

ROW_INPUT = "dwcpc_row"
ROW_OUTPUT = "dwcpc_row_output"
ROW_AXIS = "dwcpc_row_axis"
INNER = "dwcpc_inner_"  # of the network's own ends inside the body, whose names must not be those outside


def each_row_alone(network: onnx.ModelProto) -> onnx.ModelProto:
    """Return `network`, of one input and one output with the rows first, with each row computed on its own."""
    (given,), (returned,) = network.graph.input, network.graph.output
    renamed = {value.name: INNER + value.name for value in (given, returned)}
    axis = numpy_helper.from_array(np.array([0], np.int64), ROW_AXIS)
    first = helper.make_node("Unsqueeze", [ROW_INPUT, ROW_AXIS], [renamed[given.name]], name=ROW_INPUT + "_node")
    last = helper.make_node("Squeeze", [renamed[returned.name], ROW_AXIS], [ROW_OUTPUT], name=ROW_OUTPUT + "_node")
    body = helper.make_graph(
        [first, *(_renamed(node, renamed) for node in network.graph.node), last],
        "row",
        [_without_batch(given, ROW_INPUT)],
        [_without_batch(returned, ROW_OUTPUT)],
        [*network.graph.initializer, axis],
    )
    scan = helper.make_node("Scan", [given.name], [returned.name], name="each_row_alone", body=body, num_scan_inputs=1)
    model = onnx.ModelProto()
    model.CopyFrom(network)
    model.graph.CopyFrom(helper.make_graph([scan], network.graph.name, [given], [returned]))
    return model


def _renamed(node: onnx.NodeProto, names: dict[str, str]) -> onnx.NodeProto:
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    for values in (copy.input, copy.output):
        values[:] = [names.get(value, value) for value in values]
    for attribute in copy.attribute:
        for graph in (*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])):
            inner = [_renamed(each, names) for each in graph.node]
            del graph.node[:]
            graph.node.extend(inner)
    return copy


def _without_batch(value: onnx.ValueInfoProto, name: str) -> onnx.ValueInfoProto:
    tensor = value.type.tensor_type
    shape = [axis.dim_value if axis.HasField("dim_value") else axis.dim_param for axis in tensor.shape.dim[1:]]
    return helper.make_tensor_value_info(name, tensor.elem_type, shape)

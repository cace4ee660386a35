"""The served graph around the network: raw input → scaler → network → score and inverse target scaler → outputs.

Scaler, as scikit-learn computes it on float32 input, rounding to float32 after each step:
    scaled = float32(float64(float32(float64(x) − center)) / scale)
Score of an autoencoder, per row, over all n values of its window, in float64 and rounded once:
    anomaly_score = float32(Σ (scaled − reconstruction)² / n)
as a product of a row with itself, because a batched MatMul gives the same bits at every batch size.
Guard: onnxruntime's LSTM turns NaN into a number (torch does not), so 0·Σ scaled, which is NaN for a window with a NaN
or infinite value and 0 otherwise, is added to the network's output.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnx_ir as ir
from onnx import TensorProto, helper

from dwcpc.compiler.graphs.built import Surroundings
from dwcpc.compiler.graphs.graph_builder import GraphBuilder
from dwcpc.compiler.signature import ADDED_PREFIX as PREFIX
from dwcpc.compiler.signature import GRAPH_INPUT, SCORE_OUTPUT
from dwcpc.compiler.sources.base import NETWORK_INPUT, NETWORK_OUTPUT

if TYPE_CHECKING:
    from dwcpc.compiler.scalers import Scaler
    from dwcpc.compiler.sources.base import NetworkSpec


def assemble(network: onnx.ModelProto, spec: NetworkSpec, around: Surroundings) -> onnx.ModelProto:
    """Return the served model: input `GRAPH_INPUT`, outputs `spec.output_name` and, for autoencoders, the score.

    A detector's one output is its score already.

    A `network` of one row can only be served `around.one_row`.
    """
    network = _apart(network, {GRAPH_INPUT, SCORE_OUTPUT, spec.output_name})
    nodes = GraphBuilder()
    _scale(nodes, around.scaler)
    network_start = len(nodes.nodes)
    guarded = spec.output_name if around.target_scaler is None else PREFIX + "guarded_output"
    _guard(nodes, spec, guarded)
    rows = 1 if around.one_row else "batch"
    outputs = [_float_info(spec.output_name, (rows, *spec.output_shape))]
    if spec.task == "autoencoder":
        _score(nodes, guarded, prod(spec.input_shape))
        outputs.append(_float_info(SCORE_OUTPUT, (rows,)))
    if around.target_scaler is not None:
        _unscale(nodes, guarded, around.target_scaler, spec.output_name)
    graph = helper.make_graph(
        [*nodes.nodes[:network_start], *network.graph.node, *nodes.nodes[network_start:]],
        "dwcpc",
        [_float_info(GRAPH_INPUT, (rows, *spec.input_shape))],
        outputs,
        [*network.graph.initializer, *nodes.constants],
    )
    model = helper.make_model(graph, opset_imports=network.opset_import, ir_version=network.ir_version)
    model.producer_name = "dwcpc"
    onnx.checker.check_model(model, full_check=True)
    return model


def _apart(network: onnx.ModelProto, names: set[str]) -> onnx.ModelProto:
    """Rename the network's values that are called as one of the served graph's: a weight may be named `input`.

    Also in graphs inside the network, whose names must not be those outside.
    """
    model = ir.from_proto(network)
    values = (
        *(value for graph in model.graphs() for value in graph.initializers.values()),
        *(value for node in model.graph.all_nodes() for value in node.outputs),
    )
    clashing = [value for value in values if value.name in names]
    for value in clashing:
        value.name = f"{PREFIX}network_{value.name}"
    return ir.to_proto(model) if clashing else network


def _scale(nodes: GraphBuilder, scaler: Scaler | None) -> None:
    if scaler is None:
        nodes.add("Identity", [GRAPH_INPUT], NETWORK_INPUT)
        return
    nodes.scaled(GRAPH_INPUT, scaler.steps, "scaler", NETWORK_INPUT)


def _unscale(nodes: GraphBuilder, value: str, scaler: Scaler, output: str) -> None:
    steps = (("Mul", np.array(scaler.scale)), ("Add", np.array(scaler.center)))
    nodes.scaled(value, steps, "target_scaler", output)


def _guard(nodes: GraphBuilder, spec: NetworkSpec, output: str) -> None:
    size = prod(spec.input_shape)
    row = nodes.reshape(NETWORK_INPUT, (-1, 1, size), PREFIX + "guard_row")
    zeros = nodes.constant("guard_zeros", np.zeros((size, 1), np.float32))
    poison = nodes.add("MatMul", [row, zeros], PREFIX + "guard_poison")
    if len(spec.output_shape) != 2:
        poison = nodes.reshape(poison, (-1, *(1 for _ in spec.output_shape)), PREFIX + "guard_broadcast")
    nodes.add("Add", [NETWORK_OUTPUT, poison], output)


def _score(nodes: GraphBuilder, reconstruction: str, size: int) -> None:
    x = nodes.cast(NETWORK_INPUT, TensorProto.DOUBLE, PREFIX + "score_input")
    y = nodes.cast(reconstruction, TensorProto.DOUBLE, PREFIX + "score_reconstruction")
    error = nodes.add("Sub", [x, y], PREFIX + "score_error")
    row = nodes.reshape(error, (-1, 1, size), PREFIX + "score_row")
    column = nodes.reshape(error, (-1, size, 1), PREFIX + "score_column")
    total = nodes.add("MatMul", [row, column], PREFIX + "score_sum")
    mean = nodes.add("Div", [total, nodes.constant("score_size", np.array(float(size)))], PREFIX + "score_mean")
    rounded = nodes.cast(mean, TensorProto.FLOAT, PREFIX + "score_rounded")
    shape = nodes.constant("score_shape", np.array([-1], np.int64))
    nodes.add("Reshape", [rounded, shape], SCORE_OUTPUT)


def _float_info(name: str, shape: tuple[int | str, ...]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

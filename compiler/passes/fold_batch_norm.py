"""BatchNormalization over channels becomes part of the weights that contract the channels.

With y = a∘x + c, a = γ/√(σ² + ε), c = β − a·μ, a linear operator has W·y + b = (W·diag(a))·x + (b + W·c): so
W' = W·diag(a) and b' = b + W·c, in float64, rounded once. It is folded into every operator that uses it or into none.

Cancellation: where |μ| ≫ σ, W'·x and b' are large and cancel, and float32 sums that lose digits take the place of the
subtraction x − μ, which loses almost none. Per output row, on an input of mean μ and deviation σ, the magnitude of what
is added grows by
    (Σ |W'|·(|μ| + √(σ² + ε)) + |b'|) / (Σ |W|·(|γ| + |β|) + |b|)
and log₂ of that is about how many of 24 bits it can cost; more than `MOST_GROWTH` is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from dwcpc.compiler.passes.base import Rewritten
from dwcpc.compiler.passes.batch_norms import CHANNEL_AXIS, Affine, affine_of
from dwcpc.compiler.passes.channel_consumers import GATES, takers_of
from dwcpc.compiler.passes.constants import add_constant, constant_of, forget_unused, input_of, only_user

if TYPE_CHECKING:
    import onnx
    from numpy.typing import NDArray

MOST_GROWTH = 8.0
"""Three bits of float32's 24; there, on exact inputs, the sums have about 4 times the noise of subtracting μ first."""

WEIGHT = 1
BIAS = {"LSTM": 3, "GRU": 3, "RNN": 3, "Gemm": 2}


@dataclass(frozen=True, slots=True)
class _Linear:
    """An operator's weights as rows [..., outputs, channels] with one bias a row, and where the bias is written."""

    node: ir.Node
    weight: NDArray[np.float64]
    bias: NDArray[np.float64]
    bias_node: ir.Node
    bias_index: int


class FoldBatchNorm:
    """Rewrite linear(BatchNormalization(x)) as linear'(x), through what only moves or averages channels."""

    name = "fold_batch_norm"

    def apply(self, model: onnx.ModelProto) -> Rewritten:
        """Return the model with each BatchNormalization folded that can be; the others are refused with the reason."""
        graph_model = ir.from_proto(model)
        changed = 0
        refused: list[str] = []
        for node in [node for node in graph_model.graph if node.op_type == "BatchNormalization" and not node.domain]:
            why = _folded_or_why_not(graph_model.graph, node)
            changed += not why
            if why:
                refused.append(f"{node.name or node.outputs[0].name}: {why}")
        return Rewritten(ir.to_proto(graph_model) if changed else model, changed, tuple(refused))


def _folded_or_why_not(graph: ir.Graph, node: ir.Node) -> str:
    affine = affine_of(node)
    if isinstance(affine, str):
        return affine
    taken = takers_of(node.outputs[0], CHANNEL_AXIS)
    if taken.why_not or not taken.nodes:
        return taken.why_not or "nothing uses it"
    linears: list[_Linear] = []
    for taker in taken.nodes:
        linear = _linear(taker)
        if isinstance(linear, str):
            return f"{taker.op_type} {taker.name}: {linear}"
        growth = _growth(linear, affine)
        if not growth <= MOST_GROWTH:
            return f"its mean is so far from 0 that {taker.name} would cancel digits: sums grow by {growth:.0f}"
        linears.append(linear)
    _fold(graph, node, affine, linears)
    return ""


def _linear(node: ir.Node) -> _Linear | str:
    weight = constant_of(input_of(node, WEIGHT))
    if weight is None:
        return "its weight is computed at run time"
    if weight.dtype not in (np.float32, np.float64):
        return f"its weight is {weight.dtype}, which has no digits to spare"
    wide = weight.astype(np.float64)
    if node.op_type in GATES:
        return _recurrent(node, wide)
    return _gemm(node, wide) if node.op_type == "Gemm" else _matmul(node, wide)


def _recurrent(node: ir.Node, weight: NDArray[np.float64]) -> _Linear | str:
    index = BIAS[node.op_type]
    bias = constant_of(input_of(node, index))
    if bias is None and input_of(node, index) is not None:
        return "its bias is computed at run time"
    directions, rows, _ = weight.shape  # the bias is that of the inputs, then that of the recurrence
    both = np.zeros((directions, 2 * rows)) if bias is None else bias.astype(np.float64)
    return _Linear(node, weight, both, node, index)


def _gemm(node: ir.Node, weight: NDArray[np.float64]) -> _Linear | str:
    given = input_of(node, BIAS["Gemm"])
    bias = constant_of(given)
    if given is not None and bias is None:
        return "its bias is computed at run time"
    if node.attributes.get_float("alpha", 1.0) != 1.0 or node.attributes.get_float("beta", 1.0) != 1.0:
        return "it is no plain x·W + b"
    rows = weight if node.attributes.get_int("transB", 0) else weight.T
    return _with_bias(node, rows, bias, node, BIAS["Gemm"])


def _matmul(node: ir.Node, weight: NDArray[np.float64]) -> _Linear | str:
    user = only_user(node.outputs[0])
    if weight.ndim != 2:
        return "its weight is no matrix"
    if user is None or user.op_type != "Add" or user.domain:
        return "no Add follows that could take the offset"
    index = 1 if user.inputs[0] is node.outputs[0] else 0
    bias = constant_of(user.inputs[index])
    return "what is added to it is no constant" if bias is None else _with_bias(node, weight.T, bias, user, index)


def _with_bias(
    node: ir.Node, rows: NDArray[np.float64], bias: NDArray[np.generic] | None, bias_node: ir.Node, index: int
) -> _Linear | str:
    if bias is None:
        return _Linear(node, rows, np.zeros(len(rows)), bias_node, index)
    if bias.size not in (1, len(rows)) or (bias.ndim > 1 and bias.shape[-1] != bias.size):
        return "its bias is no row"
    return _Linear(node, rows, np.broadcast_to(bias.reshape(-1).astype(np.float64), len(rows)), bias_node, index)


def _growth(linear: _Linear, affine: Affine) -> float:
    weight = np.abs(linear.weight)
    offset = linear.weight @ affine.c
    bias = linear.bias[..., : offset.shape[-1]]
    grown = weight @ (np.abs(affine.a) * (np.abs(affine.mean) + affine.deviation)) + np.abs(bias + offset)
    before = weight @ (np.abs(affine.gamma) + np.abs(affine.beta)) + np.abs(bias)
    return float((grown[before > 0] / before[before > 0]).max(initial=1.0))


def _fold(graph: ir.Graph, node: ir.Node, affine: Affine, linears: list[_Linear]) -> None:
    value, statistics = node.inputs[0], node.inputs[1:]
    assert value is not None  # noqa: S101 - ONNX demands it
    for linear in linears:
        _write(graph, linear, affine)
    node.outputs[0].replace_all_uses_with(value)
    graph.remove(node, safe=True)
    forget_unused(graph, statistics)


def _write(graph: ir.Graph, linear: _Linear, affine: Affine) -> None:
    node = linear.node
    bias = linear.bias.copy()
    bias[..., : linear.weight.shape[-2]] += linear.weight @ affine.c
    rows = linear.weight * affine.a
    transposed = node.op_type not in GATES and not node.attributes.get_int("transB", 0)
    old = (input_of(node, WEIGHT), input_of(linear.bias_node, linear.bias_index))
    kind = constant_of(old[0])
    assert kind is not None  # noqa: S101 - _linear has asked
    name = node.name or node.outputs[0].name
    new_weight = np.ascontiguousarray(rows.T if transposed else rows).astype(kind.dtype)
    node.replace_input_with(WEIGHT, add_constant(graph, f"{name}_folded_W", new_weight))
    if len(linear.bias_node.inputs) <= linear.bias_index:
        linear.bias_node.resize_inputs(linear.bias_index + 1)
    new_bias = add_constant(graph, f"{name}_folded_B", bias.astype(kind.dtype))
    linear.bias_node.replace_input_with(linear.bias_index, new_bias)
    forget_unused(graph, old)

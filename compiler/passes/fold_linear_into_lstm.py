"""A linear layer before an LSTM becomes part of the LSTM's input weights.

With x = z·F + f as a row, W·xᵀ + b = (W·Fᵀ)·zᵀ + (b + W·fᵀ): so W' = W·Fᵀ and b' = b + W·fᵀ, in float64, rounded once.

It pays where z is narrower than x, as in an autoencoder that widens its code again before the decoder: the LSTM's input
product shrinks from x's width to z's at every timestep. What stands between the two may only repeat and permute
(Unsqueeze, Expand, Transpose), never touch the last axis.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from dwcpc.compiler.passes.base import Rewritten
from dwcpc.compiler.passes.constants import add_constant, constant_of, forget_unused, input_of

if TYPE_CHECKING:
    import onnx
    from numpy.typing import NDArray

LSTM_W = 1
LSTM_B = 3
KEEPS_LAST_AXIS = ("Unsqueeze", "Expand", "Transpose")


class FoldLinearIntoLstm:
    """Rewrite LSTM(repeat(Gemm(z, F, f)), W, R, B) as LSTM(repeat(z), W', R, B')."""

    name = "fold_linear_into_lstm"

    def apply(self, model: onnx.ModelProto) -> Rewritten:
        """Return the model with each such pair folded; a linear layer that must stay is refused with its reason."""
        graph_model = ir.from_proto(model)
        graph = graph_model.graph
        changed = 0
        refused: list[str] = []
        for lstm in [node for node in graph if node.op_type == "LSTM"]:
            between, gemm = _path_to_gemm(lstm)
            if gemm is None:
                continue
            why = _why_not(lstm, gemm, between)
            if why:
                refused.append(f"{gemm.name or gemm.outputs[0].name}: {why}")
                continue
            _fold(graph, lstm, gemm, between)
            changed += 1
        return Rewritten(ir.to_proto(graph_model) if changed else model, changed, tuple(refused))


def _path_to_gemm(lstm: ir.Node) -> tuple[list[ir.Node], ir.Node | None]:
    """Walk from the LSTM's input upwards; return what lies between, nearest first, and the Gemm if there is one."""
    between: list[ir.Node] = []
    node = lstm.inputs[0].producer() if lstm.inputs[0] is not None else None
    while node is not None and node.op_type in KEEPS_LAST_AXIS:
        between.append(node)
        node = node.inputs[0].producer() if node.inputs[0] is not None else None
    return between, node if node is not None and node.op_type == "Gemm" else None


def _why_not(lstm: ir.Node, gemm: ir.Node, between: list[ir.Node]) -> str:
    for node in (gemm, *between):
        if len(node.outputs[0].uses()) > 1 or node.outputs[0].is_graph_output():
            return "its output is used elsewhere as well"
    attributes = gemm.attributes
    plain = (attributes.get_float("alpha", 1.0), attributes.get_float("beta", 1.0), attributes.get_int("transA", 0))
    if plain != (1.0, 1.0, 0):
        return "it is no plain x·F + f"
    constants = [
        constant_of(input_of(node, index)) for node, index in ((gemm, 1), (gemm, 2), (lstm, LSTM_W), (lstm, LSTM_B))
    ]
    if any(constant is None for constant in constants):
        return "a weight or bias is missing or computed at run time"
    if not all(_keeps_last_axis(node) for node in between):
        return "what follows it changes the last axis"
    weight, bias = _linear(gemm)
    inner, outer = weight.shape
    if bias.shape != (outer,):
        return f"its bias of shape {bias.shape} is broadcast"
    return "" if inner < outer else f"its input of {inner} is not narrower than its output of {outer}"


def _keeps_last_axis(node: ir.Node) -> bool:
    value = node.outputs[0]
    if node.op_type == "Transpose":
        perm = node.attributes.get_ints("perm", ())
        return bool(perm) and perm[-1] == len(perm) - 1
    operand = constant_of(input_of(node, 1))
    if operand is None or value.shape is None:
        return False
    if node.op_type == "Unsqueeze":
        return all(axis not in {-1, value.shape.rank() - 1} for axis in operand.tolist())
    return bool(operand[-1] == 1)  # Expand: 1 keeps an axis as it is


def _fold(graph: ir.Graph, lstm: ir.Node, gemm: ir.Node, between: list[ir.Node]) -> None:
    weight, bias = _linear(gemm)
    w = _required(lstm, LSTM_W).astype(np.float64)  # [directions, 4·hidden, input]
    b = _required(lstm, LSTM_B).astype(np.float64)  # [directions, 8·hidden]: input biases, then recurrent ones
    b[:, : w.shape[1]] += w @ bias
    old = [lstm.inputs[LSTM_W], lstm.inputs[LSTM_B]]
    lstm.replace_input_with(LSTM_W, _rounded(graph, f"{lstm.name}_folded_W", w @ weight.T))
    lstm.replace_input_with(LSTM_B, _rounded(graph, f"{lstm.name}_folded_B", b))
    for node in between:
        shape = node.outputs[0].shape
        if shape is not None:
            node.outputs[0].shape = ir.Shape([*shape[:-1], weight.shape[0]])
    nearest = between[-1] if between else lstm
    nearest.replace_input_with(0, gemm.inputs[0])
    old.extend(gemm.inputs[1:])
    graph.remove(gemm, safe=True)
    forget_unused(graph, old)


def _linear(gemm: ir.Node) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return F [in, out] and f [out] of x = z·F + f."""
    weight = _required(gemm, 1).astype(np.float64)
    return weight.T if gemm.attributes.get_int("transB", 0) == 1 else weight, _required(gemm, 2).astype(np.float64)


def _required(node: ir.Node, index: int) -> NDArray[np.generic]:
    constant = constant_of(input_of(node, index))
    assert constant is not None  # noqa: S101 - _why_not has asked
    return constant


def _rounded(graph: ir.Graph, name: str, values: NDArray[np.float64]) -> ir.Value:
    return add_constant(graph, name, values.astype(np.float32))

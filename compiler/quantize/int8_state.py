"""An LSTM whose input is the same at every step: the input's product once, in float32, and the state's in integers.

A decoder that unfolds one vector v into a window has x_t = v. Its input product is then one matrix times v, before the
first step, and cheap; the steps add it as a bias: b' = b + W·v. So the input keeps all its bits, which
`int8_lstm.py` cannot give it, and what is left of DynamicQuantizeLSTM's input is one channel of zeros. The bias belongs
to all rows of a call: a row is a call of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dwcpc.compiler.quantize.base import Activations, Layer, Proposal
from dwcpc.compiler.quantize.graph_part import GraphPart
from dwcpc.compiler.quantize.int8_lstm import IntegerWeights, integer_lstm, state_rounding, why_not_integer
from dwcpc.compiler.quantize.int16_storage import in_int16_rows
from dwcpc.compiler.quantize.recurrence import B, R, W, joint_inputs
from dwcpc.compiler.quantize.rounding import Rounded, rounded, second_moment

if TYPE_CHECKING:
    import onnx
    from numpy.typing import NDArray


class Int8State:
    """Offer an LSTM with a repeated input integer products of its state, rounded so that they stay."""

    precision = "int8 state"

    def propose(self, layer: Layer, activations: Activations) -> Proposal | str:
        """Return the LSTM with its input product before it; refuses an input that changes from step to step."""
        if layer.op != "LSTM" or layer.repeated is None:
            return "its input is not one vector, repeated at every step"
        why = why_not_integer(layer)
        if why:
            return why
        bias = _summed(layer.weights[B])
        states = []
        for index in range(len(bias)):
            result, mean_error = _direction(layer, activations, index)
            bias[index] += mean_error
            states.append(result)
        graph = _graph(layer, states, bias, steps=len(activations.input))
        return Proposal(self.precision, graph, couples_rows=True, reads=sum(each.q.size for each in states))


def _summed(bias: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return what both biases [directions, 8·units] add to the gates [directions, 4·units]."""
    of_input, of_state = np.split(bias.astype(np.float64), 2, axis=1)
    return of_input + of_state


def _direction(layer: Layer, activations: Activations, index: int) -> tuple[Rounded, NDArray[np.float64]]:
    """Return the rounded recurrence of one direction, and E[(r − q·s)·h]."""
    recurrent = layer.weights[R][index].astype(np.float64)
    nothing = activations.input[..., :0]
    h = joint_inputs(layer, nothing, activations.output, index)
    result = rounded(recurrent, (recurrent.shape[1],), second_moment(h, state_rounding(recurrent.shape[1])))
    return result, (recurrent - result.q * result.scale) @ h.mean(axis=0)


def _graph(layer: Layer, states: list[Rounded], bias: NDArray[np.float64], *, steps: int) -> onnx.GraphProto:
    part = GraphPart(layer.name)
    directions, gates = bias.shape
    weights = layer.weights[W].reshape(directions * gates, -1)
    stored = in_int16_rows(part, "W_once", weights, (1,))
    assert layer.repeated is not None  # noqa: S101 - propose has asked
    added = part.constant("B_once", _float32(bias.ravel()))
    once = part.add("Gemm", [layer.repeated, stored, added], "gates", transB=1)
    shaped = part.add("Reshape", [once, part.constant("gates_shape", np.array(bias.shape, np.int64))], "gates_by_way")
    none = part.constant("B_state", np.zeros(bias.shape, np.float32))
    operands = IntegerWeights(
        of_input=np.zeros((directions, 1, gates), np.int8),
        of_state=np.stack([each.q.T for each in states]).astype(np.int8),
        input_scale=np.ones((directions, gates), np.float32),
        state_scale=_float32(np.stack([each.scale[:, 0] for each in states])),
    )
    zeros = part.constant("no_input", np.zeros((steps, 1, 1), np.float32))
    integer_lstm(part, layer, zeros, operands, part.add("Concat", [shaped, none], "B", axis=1))
    return part.proto()


def _float32(values: NDArray[np.float64]) -> NDArray[np.float32]:
    return values.astype(np.float32)

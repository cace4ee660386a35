"""An LSTM with integer products: onnxruntime's DynamicQuantizeLSTM, made exact enough to serve.

The operator multiplies uint8 activations, whose range it takes from each call (the input) and each step (the state), by
int8 weights with a scale per row. What the plain recipe loses, and what is done about it here:

- the input's one range is spent on its widest channel. With center μ and half-width α of each channel on the
  calibration rows, W·x = (W·diag(α))·((x − μ)/α) + W·μ: all channels fill the range, and W·μ goes into the bias;
- weights are rounded so that products stay (`rounding.py`), input and recurrence of a direction together;
- what is left on average goes into the bias: b ← b + E[(w − q·s)·u];
- with `residual`, the input's own rounding error r = x − s_x·round(x/s_x), which the graph computes as the operator
  does, follows as further channels, k·r against W/k: the input's 8 bits become 11, for a second input product;
- no pair of weights can saturate (`saturation.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import helper

from dwcpc.compiler.quantize.base import Activations, Layer, Proposal
from dwcpc.compiler.quantize.graph_part import GraphPart
from dwcpc.compiler.quantize.recurrence import B, R, W, joint_inputs
from dwcpc.compiler.quantize.rounding import Rounded, rounded, second_moment
from dwcpc.compiler.quantize.saturation import PAIR_LIMIT, largest_pair

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVELS = 255
EQUALISING = "per_width"  # the constant that an input in integers is multiplied by
TAIL = 5e-4  # of a channel's values on either side that its range may leave out
SMALLEST_RANGE = 1e-6
RESIDUAL_FACTOR = 8.0  # k: balances the rounding of k·r against that of W/k
STATE_RANGE = 1.5  # of h in (−1, 1), whose step the operator takes from the values it has


@dataclass(frozen=True, slots=True)
class Equalised:
    """The input as the operator gets it: (x − center)/width, per channel, on the calibration rows."""

    center: NDArray[np.float64]
    width: NDArray[np.float64]
    values: NDArray[np.float64]

    @property
    def step(self) -> NDArray[np.float64]:
        """The operator's rounding step [1, rows, 1]: each row is a call of its own."""
        low, high = np.minimum(self.values.min(axis=(0, 2)), 0), np.maximum(self.values.max(axis=(0, 2)), 0)
        step: NDArray[np.float64] = np.maximum((high - low) / LEVELS, SMALLEST_RANGE)
        return step[None, :, None]


@dataclass(frozen=True, slots=True)
class IntegerWeights:
    """What the operator multiplies by: int8 [directions, columns, 4·units], and a float32 scale of each of the rows."""

    of_input: NDArray[np.int8]
    of_state: NDArray[np.int8]
    input_scale: NDArray[np.float32]
    state_scale: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Int8Lstm:
    """Offer an LSTM integer arithmetic; with `residual`, the rounding error of its input as further channels."""

    residual: bool

    @property
    def precision(self) -> str:
        """`int8`, and whether the input has more bits."""
        return "int8, input in 11 bits" if self.residual else "int8"

    def propose(self, layer: Layer, activations: Activations) -> Proposal | str:
        """Return the quantised LSTM; refuses what the operator or the weights do not allow."""
        if layer.op != "LSTM":
            return f"integer arithmetic of a {layer.op} at batch 1 is not offered here"
        why = why_not_integer(layer) or _better(layer)
        if why:
            return why
        equalised = _equalised(activations.input)
        bias = layer.weights[B].astype(np.float64)
        directions = []
        for index in range(len(bias)):
            result, mean_error = _direction(layer, activations, equalised, index, residual=self.residual)
            bias[index, : len(mean_error)] += layer.weights[W][index].astype(np.float64) @ equalised.center + mean_error
            directions.append(result)
        graph = _graph(layer, equalised, directions, bias, residual=self.residual)
        reads = sum(each.q.size for each in directions)
        return Proposal(self.precision, graph, couples_rows=True, reads=reads)


def why_not_integer(layer: Layer) -> str:
    """Return why the operator cannot compute this LSTM; nothing where it can."""
    if any(index not in layer.weights for index in (W, R, B)):
        return "a weight or bias is missing or computed at run time"
    if layer.attributes.get("layout", 0):
        return "onnxruntime has no LSTM with the batch first"
    return ""


def _better(layer: Layer) -> str:
    return "" if layer.repeated is None else "its input is repeated, and kept in float32 for less (int8 state)"


def _equalised(x: NDArray[np.float32]) -> Equalised:
    wide = x.astype(np.float64)
    low, high = np.quantile(wide.reshape(-1, x.shape[-1]), (TAIL, 1 - TAIL), axis=0)
    center = ((low + high) / 2).astype(np.float32).astype(np.float64)
    width = _relative((high - low) / 2, center).astype(np.float32).astype(np.float64)
    return Equalised(center, width, (wide - center) / width)


def _relative(width: NDArray[np.float64], center: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the widths over their geometric mean.

    A channel that the calibration rows leave constant gets 1: stretched, its first change in service would take the
    range away from all others.
    """
    filled = width > SMALLEST_RANGE * np.maximum(np.abs(center), SMALLEST_RANGE)
    if not filled.any():
        return np.ones_like(width)
    return np.where(filled, width / np.exp(np.log(width[filled]).mean()), 1.0)


def _direction(
    layer: Layer, activations: Activations, equalised: Equalised, index: int, *, residual: bool
) -> tuple[Rounded, NDArray[np.float64]]:
    """Return the rounded weights of one direction, input and recurrence side by side, and E[(w − q·s)·u]."""
    weights = layer.weights[W][index].astype(np.float64) * equalised.width
    values, step = equalised.values, equalised.step
    rounding = np.full(weights.shape[1], float(np.mean(step**2)) / 12)
    if residual:
        coarse = np.round(values / step) * step
        values = np.concatenate([coarse, RESIDUAL_FACTOR * (values - coarse)], axis=-1)
        weights = np.concatenate([weights, weights / RESIDUAL_FACTOR], axis=1)
        rounding = np.concatenate([np.zeros_like(rounding), rounding])
    recurrent = layer.weights[R][index].astype(np.float64)
    inputs = joint_inputs(layer, values, activations.output, index)
    moment = second_moment(inputs, np.concatenate([rounding, state_rounding(recurrent.shape[1])]))
    both = np.concatenate([weights, recurrent], axis=1)
    result = rounded(both, (weights.shape[1], recurrent.shape[1]), moment)
    by_column = np.repeat(result.scale, (weights.shape[1], recurrent.shape[1]), axis=1)
    return result, (both - result.q * by_column) @ inputs.mean(axis=0)


def state_rounding(units: int) -> NDArray[np.float64]:
    """Return the variance [units] that the operator's rounding of the state adds."""
    return np.full(units, (STATE_RANGE / LEVELS) ** 2 / 12)


def _graph(
    layer: Layer, equalised: Equalised, directions: list[Rounded], bias: NDArray[np.float64], *, residual: bool
) -> onnx.GraphProto:
    part = GraphPart(layer.name)
    value = part.add(
        "Mul", [layer.node.input[0], part.constant(EQUALISING, (1 / equalised.width).astype(np.float32))], "scaled"
    )
    shift = part.constant("minus_center", (-equalised.center / equalised.width).astype(np.float32))
    value = part.add("Add", [value, shift], "equalised")
    if residual:
        value = _with_residual(part, value)
    inputs = directions[0].q.shape[1] - layer.weights[R].shape[2]
    scales = np.stack([each.scale for each in directions]).astype(np.float32)  # [directions, rows, operands]
    weights = IntegerWeights(
        of_input=np.stack([each.q[:, :inputs].T for each in directions]).astype(np.int8),
        of_state=np.stack([each.q[:, inputs:].T for each in directions]).astype(np.int8),
        input_scale=scales[:, :, 0],
        state_scale=scales[:, :, 1],
    )
    integer_lstm(part, layer, value, weights, part.constant("B", bias.astype(np.float32)))
    return part.proto()


def integer_lstm(part: GraphPart, layer: Layer, value: str, weights: IntegerWeights, bias: str) -> None:
    """Add the operator, in the place of `layer`, of the input `value` and the `bias` [directions, 8·units]."""
    for weight in (weights.of_input, weights.of_state):
        assert largest_pair(weight) <= PAIR_LIMIT  # noqa: S101 - by construction
    zero = np.zeros(weights.input_scale.shape, np.int8)
    node = helper.make_node(
        "DynamicQuantizeLSTM",
        [
            value,
            part.constant("W_int8", weights.of_input),
            part.constant("R_int8", weights.of_state),
            bias,
            *(layer.node.input[index] if index < len(layer.node.input) else "" for index in range(4, 8)),
            part.constant("W_scale", weights.input_scale),
            part.constant("W_zero", zero),
            part.constant("R_scale", weights.state_scale),
            part.constant("R_zero", zero),
        ],
        list(layer.node.output),
        name=layer.node.name,
        domain="com.microsoft",
    )
    node.attribute.extend(attribute for attribute in layer.node.attribute if attribute.name != "layout")
    part.append(node)


def _with_residual(part: GraphPart, value: str) -> str:
    """Append k·r: the range of [x, k·r] is x's own, so that the operator rounds x to the very grid used here.

    Not so in a window whose channels are all on one side of their centers: k·r widens its range by 2 %, and the answer
    is that of 8 bits.
    """
    q, step, zero = part.add_many("DynamicQuantizeLinear", [value], ("q", "step", "zero"))
    coarse = part.add("DequantizeLinear", [q, step, zero], "coarse")
    rest = part.add("Sub", [value, coarse], "rest")
    factor = part.constant("residual_factor", np.array(RESIDUAL_FACTOR, np.float32))
    scaled = part.add("Mul", [rest, factor], "scaled_rest")
    return part.add("Concat", [value, scaled], "with_rest", axis=2)

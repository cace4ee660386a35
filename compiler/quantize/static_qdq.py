"""Integer products for Gemm, MatMul and Conv with ranges fixed at compile time, so that rows do not couple.

    x ≈ s_x·(u − z)                              `activation_range.py`
    y_n = s_x·s_n·Σ_k (u_k − z)·q_kn + b_n + E[w_n·x − s_n·q_n·s_x·(u − z)]

with q_n by `rounding.py` on the rounded activations, no pair of which can saturate. What onnxruntime would fuse
QuantizeLinear → DequantizeLinear → … into is written down as such: left to itself it makes MatMul → Add a Gemm with a
float bias first, which then is not fused, and 3 to 4 times slower than float. Gemm and MatMul become
MatMulIntegerToFloat, whose output is not rounded again; a convolution has only QLinearConv (ConvInteger is 3 times
slower than float), whose output gets a range too.

Times of float, batch 1, one thread, with VNNI: 0.96 at [1×192]·[192×128], 0.5 at [1×512]·[512×512], 0.57 at
[30×128]·[128×128], 1.0 at [30×256]·[256×12], 0.3 at [30×512]·[512×512]; convolutions over 30 steps of width 3: 0.54
for 64 channels, 0.28 for 256.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import helper

from dwcpc.compiler.quantize.activation_range import ActivationRange, activation_range
from dwcpc.compiler.quantize.base import Activations, Layer, Proposal
from dwcpc.compiler.quantize.graph_part import GraphPart
from dwcpc.compiler.quantize.patches import flat_rows, patches, unflattened
from dwcpc.compiler.quantize.rounding import Rounded, rounded, second_moment
from dwcpc.compiler.quantize.saturation import PAIR_LIMIT, largest_pair

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEWEST_PRODUCTS = 20_000  # of one row: below, float was faster at every shape measured (with VNNI, one thread)
MOST_POSITIONS = 8_000  # of the calibration rows: more change nothing
LARGEST_BIAS = 2**30  # of int32, which the sum of the products shares


@dataclass(frozen=True, slots=True)
class Linear:
    """A layer as y = W·x: weights [outputs, inputs] and the x [n, inputs] that it met, in the kernel's order."""

    weights: NDArray[np.float64]
    inputs: NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Quantised:
    """The range of x, the rounded weights, and E[w·x − s·q·x̂], which goes into the bias."""

    given: ActivationRange
    result: Rounded
    mean_error: NDArray[np.float64]

    @property
    def scale(self) -> NDArray[np.float32]:
        """One scale for each output."""
        return self.result.scale[:, 0].astype(np.float32)


class StaticQdq:
    """Offer Gemms, MatMuls and Convs integer products, where they are large enough to gain by it."""

    precision = "int8, static range"

    def propose(self, layer: Layer, activations: Activations) -> Proposal | str:
        """Return the layer between QuantizeLinear and the integer product, or why it has none."""
        if layer.op not in ("Gemm", "MatMul", "Conv"):
            return f"static ranges of a {layer.op} are not offered here"
        why = _why_not(layer) or _too_small(layer, activations)
        if why:
            return why
        if layer.op == "Conv":
            graph = _conv(layer, activations)
        else:
            graph = _product(layer, _quantised(_as_linear(layer, activations)))
        return graph if isinstance(graph, str) else Proposal(self.precision, graph, reads=layer.weights[1].size)


def _why_not(layer: Layer) -> str:
    given = layer.attributes
    if len(layer.node.input) > 2 and layer.node.input[2] and 2 not in layer.weights:
        return "its bias is computed at run time"
    if layer.op == "Conv":
        padded = given.get("auto_pad", b"NOTSET") != b"NOTSET"
        return "its padding is not written down" if padded else "it is grouped" if given.get("group", 1) != 1 else ""
    if layer.weights[1].ndim != 2:
        return "its weights are not a matrix"
    if layer.scaled_or_transposed:
        return "it is transposed or scaled"
    if 2 in layer.weights and layer.weights[2].size not in (1, _rows_of(layer).shape[0]):
        return "its bias is a matrix"
    return ""


def _too_small(layer: Layer, activations: Activations) -> str:
    positions = activations.output[0].size // len(_rows_of(layer))
    products = positions * layer.weights[1].size
    return f"{products} products are too few to gain by it" if products < FEWEST_PRODUCTS else ""


def _rows_of(layer: Layer) -> NDArray[np.float64]:
    weight = layer.weights[1]
    if layer.op == "Conv":
        return flat_rows(weight)
    return (weight if layer.transposed else weight.T).astype(np.float64)


def _as_linear(layer: Layer, activations: Activations) -> Linear:
    rows = _rows_of(layer)
    if layer.op == "Conv":
        x = activations.input
        positions = prod(activations.output.shape[2:])
        kept = np.linspace(0, len(x) - 1, min(len(x), max(MOST_POSITIONS // positions, 1))).astype(int)
        return Linear(rows, patches(layer.node, x[kept], layer.weights[1].shape[2:]))
    inputs = activations.input.reshape(-1, rows.shape[1])
    kept = np.linspace(0, len(inputs) - 1, min(len(inputs), MOST_POSITIONS)).astype(int)
    return Linear(rows, inputs[kept])


def _quantised(linear: Linear) -> Quantised:
    given = activation_range(linear.inputs, (linear.weights**2).sum(axis=0))
    met = given.rounded(linear.inputs)
    columns = linear.weights.shape[1]
    result = rounded(linear.weights, (columns,), second_moment(met, np.zeros(columns)))
    assert largest_pair(result.q.T.astype(np.int8)) <= PAIR_LIMIT  # noqa: S101 - by construction
    exact = linear.weights @ linear.inputs.mean(axis=0, dtype=np.float64)
    return Quantised(given, result, exact - (result.q * result.scale) @ met.mean(axis=0))


def _bias(layer: Layer, quantised: Quantised) -> NDArray[np.float64]:
    return quantised.mean_error + (layer.weights[2].astype(np.float64).reshape(-1) if 2 in layer.weights else 0.0)


def _product(layer: Layer, quantised: Quantised) -> onnx.GraphProto:
    part = GraphPart(layer.name)
    step, zero = _range_constants(part, "x", quantised.given)
    u = part.add("QuantizeLinear", [layer.node.input[0], step, zero], "x_uint8")
    weight = part.constant("W_int8", quantised.result.q.T.astype(np.int8))
    scale = part.constant("W_scale", quantised.scale)
    bias = part.constant("bias", _bias(layer, quantised).astype(np.float32))
    inputs = [u, weight, step, scale, zero, "", bias]
    part.append(
        helper.make_node(
            "MatMulIntegerToFloat", inputs, layer.node.output, name=layer.node.name, domain="com.microsoft"
        )
    )
    return part.proto()


def _conv(layer: Layer, activations: Activations) -> onnx.GraphProto | str:
    quantised = _quantised(_as_linear(layer, activations))
    returned = np.moveaxis(activations.output, 1, -1).reshape(-1, activations.output.shape[1])
    range_of_output = activation_range(returned, np.ones(returned.shape[1]))
    whole_bias = np.round(_bias(layer, quantised) / (float(quantised.given.step) * quantised.scale.astype(np.float64)))
    if np.abs(whole_bias).max() > LARGEST_BIAS:
        return "its bias is out of range beside its weights"
    part = GraphPart(layer.name)
    step, zero = _range_constants(part, "x", quantised.given)
    y_step, y_zero = _range_constants(part, "y", range_of_output)
    u = part.add("QuantizeLinear", [layer.node.input[0], step, zero], "x_uint8")
    weight = unflattened(quantised.result.q, layer.weights[1].shape).astype(np.int8)
    inputs = [
        *(u, step, zero, part.constant("W_int8", weight), part.constant("W_scale", quantised.scale)),
        *(part.constant("W_zero", np.zeros(len(weight), np.int8)), y_step, y_zero),
        part.constant("bias", whole_bias.astype(np.int32)),
    ]
    product = helper.make_node("QLinearConv", inputs, [f"{layer.name}/y_uint8"], name=layer.node.name)
    product.attribute.extend(layer.node.attribute)
    part.append(product)
    part.append(helper.make_node("DequantizeLinear", [product.output[0], y_step, y_zero], layer.node.output))
    return part.proto()


def _range_constants(part: GraphPart, name: str, given: ActivationRange) -> tuple[str, str]:
    return part.constant(f"{name}_step", np.array(given.step)), part.constant(f"{name}_zero", np.array(given.zero))

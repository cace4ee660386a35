"""Weights stored in int8 with a scale per row, computed with in float32: a quarter of the bytes, the same speed.

    w = float(q)·s

Cast and Mul are folded once, when onnxruntime loads the model. Rounding compensates on the calibration rows as that of
integer arithmetic does (`rounding.py`), but with all 8 bits, as nothing can saturate; and the mean error goes into the
bias where there is one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dwcpc.compiler.quantize.base import Activations, Layer, Proposal
from dwcpc.compiler.quantize.graph_part import GraphPart
from dwcpc.compiler.quantize.recurrence import B, R, W, joint_inputs
from dwcpc.compiler.quantize.rounding import Rounded, rounded, second_moment

if TYPE_CHECKING:
    import onnx
    from numpy.typing import NDArray


class Int8Storage:
    """Offer LSTMs, Gemms and MatMuls their weights in int8."""

    precision = "int8 storage"

    def propose(self, layer: Layer, activations: Activations) -> Proposal | str:
        """Return the layer behind the arithmetic that restores its weights."""
        if layer.op == "LSTM" and all(index in layer.weights for index in (W, R, B)):
            return Proposal(self.precision, _lstm(layer, activations))
        if layer.op in ("Gemm", "MatMul") and layer.weights[1].ndim == 2 and not layer.scaled_or_transposed:
            return Proposal(self.precision, _linear(layer, activations))
        return f"rounding that compensates is not offered for this {layer.op}"


def _lstm(layer: Layer, activations: Activations) -> onnx.GraphProto:
    bias = layer.weights[B].astype(np.float64)
    results = []
    for index in range(len(bias)):
        both = np.concatenate([layer.weights[W][index], layer.weights[R][index]], axis=1).astype(np.float64)
        widths = (layer.weights[W].shape[2], layer.weights[R].shape[2])
        inputs = joint_inputs(layer, activations.input, activations.output, index)
        result, mean_error = _rounded(both, widths, inputs)
        bias[index, : len(mean_error)] += mean_error
        results.append(result)
    inputs_width = layer.weights[W].shape[2]
    part, node = GraphPart(layer.name), layer.copied_node()
    for name, at, columns in (("W", W, slice(None, inputs_width)), ("R", R, slice(inputs_width, None))):
        q = np.stack([result.q[:, columns] for result in results])
        scale = np.stack([result.scale[:, at - W] for result in results])[:, :, None]
        node.input[at] = _restored(part, name, q, scale)
    node.input[B] = part.constant("B", bias.astype(np.float32))
    part.append(node)
    return part.proto()


def _linear(layer: Layer, activations: Activations) -> onnx.GraphProto:
    weight = layer.weights[1].astype(np.float64)
    rows = weight if layer.transposed else weight.T
    inputs = activations.input.reshape(-1, rows.shape[1])
    result, mean_error = _rounded(rows, (rows.shape[1],), inputs)
    part, node = GraphPart(layer.name), layer.copied_node()
    q, scale = (result.q, result.scale) if layer.transposed else (result.q.T, result.scale.T)
    node.input[1] = _restored(part, "B", q, scale)
    if 2 in layer.weights and layer.weights[2].shape == mean_error.shape:
        node.input[2] = part.constant("C", (layer.weights[2] + mean_error).astype(np.float32))
    part.append(node)
    return part.proto()


def _rounded(
    weights: NDArray[np.float64], widths: tuple[int, ...], inputs: NDArray[np.floating]
) -> tuple[Rounded, NDArray[np.float64]]:
    result = rounded(weights, widths, second_moment(inputs, np.zeros(weights.shape[1])), paired=False)
    restored = result.q * np.repeat(result.scale, widths, axis=1)
    return result, (weights - restored) @ inputs.mean(axis=0, dtype=np.float64)


def _restored(part: GraphPart, name: str, q: NDArray[np.float64], scale: NDArray[np.float64]) -> str:
    return part.restored(name, q.astype(np.int8), scale, f"{name}_restored")

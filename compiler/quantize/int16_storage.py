"""Weights stored in int16 with a scale per row, computed with in float32: float16's bytes, 20 dB more exact.

    w = float(q)·s,   s = max|w| / 32767 for each row

float16 spends 5 of its 16 bits on a range that the weights of one row do not have. Layers to whose rounding a network
is sensitive keep more digits so (76.9 dB against 56.4 dB, measured on all of the consensus autoencoder).
"""

from __future__ import annotations

import numpy as np
import onnx

from dwcpc.compiler.quantize.base import Activations, Layer, Proposal
from dwcpc.compiler.quantize.float16_storage import main_weights
from dwcpc.compiler.quantize.graph_part import GraphPart

LARGEST = 32767
SMALLEST_SCALE = 1e-30


class Int16Storage:
    """Offer each layer its weights in int16 rows."""

    precision = "int16 storage"

    def propose(self, layer: Layer, activations: Activations) -> Proposal | str:  # noqa: ARG002 - rounds to nearest
        """Return the layer behind the arithmetic that restores its weights."""
        matrices = main_weights(layer)
        if not matrices:
            return "its weights are a vector, too few to store otherwise"
        part = GraphPart(layer.name)
        node = onnx.NodeProto()
        node.CopyFrom(layer.node)
        for index, weight in matrices.items():
            wide = weight.astype(np.float64)
            largest = np.abs(wide).max(axis=_summed_axes(layer, wide.ndim), keepdims=True)
            scale = np.maximum(largest / LARGEST, SMALLEST_SCALE).astype(np.float32)
            stored = part.constant(
                f"input{index}_int16", np.round(wide / scale).clip(-LARGEST, LARGEST).astype(np.int16)
            )
            whole = part.add("Cast", [stored], f"input{index}_whole", to=onnx.TensorProto.FLOAT)
            node.input[index] = part.add("Mul", [whole, part.constant(f"input{index}_scale", scale)], f"input{index}")
        part.append(node)
        return Proposal(self.precision, part.proto())


def _summed_axes(layer: Layer, rank: int) -> tuple[int, ...]:
    """Return the axes of the weight along which one output is summed."""
    if layer.op in ("LSTM", "GRU"):
        return (2,)
    if layer.op == "Conv":
        return tuple(range(1, rank))
    transposed = any(attribute.name == "transB" and attribute.i for attribute in layer.node.attribute)
    return (1,) if transposed else (rank - 2,)

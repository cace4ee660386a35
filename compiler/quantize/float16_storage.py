"""Weights stored in float16 and computed with in float32: half the bytes, the same speed.

A Cast stands between, which onnxruntime folds once, when it loads the model. (Arithmetic in float16 on a CPU computes
through inserted casts, and is slower.) Refused where a weight leaves float16's range or would lose its digits there:

    |w| > 65504,   or   Σ(w − float16(w))² > 10⁻⁶·Σw²   (60 dB)
"""

from __future__ import annotations

import numpy as np
import onnx

from dwcpc.compiler.quantize.base import Activations, Layer, Proposal
from dwcpc.compiler.quantize.graph_part import GraphPart

LARGEST = float(np.finfo(np.float16).max)
LEAST_RATIO = 1e6


class Float16Storage:
    """Offer each layer its weights in float16; biases stay, as they are few."""

    precision = "float16 storage"

    def propose(self, layer: Layer, activations: Activations) -> Proposal | str:  # noqa: ARG002 - rounds to nearest
        """Return the layer behind casts of its weights."""
        matrices = main_weights(layer)
        if not matrices:
            return "its weights are a vector, too few to store otherwise"
        part = GraphPart(layer.name)
        node = onnx.NodeProto()
        node.CopyFrom(layer.node)
        for index, weight in matrices.items():
            if np.abs(weight).max() > LARGEST:
                return f"a weight of {np.abs(weight).max():.3g} is out of float16's range"
            narrow = weight.astype(np.float16)
            lost = float(((weight.astype(np.float64) - narrow) ** 2).sum())
            if lost * LEAST_RATIO > float((weight.astype(np.float64) ** 2).sum()):
                return "its weights are too small for float16"
            stored = part.constant(f"input{index}_float16", narrow)
            node.input[index] = part.add("Cast", [stored], f"input{index}", to=onnx.TensorProto.FLOAT)
        part.append(node)
        return Proposal(self.precision, part.proto())


def main_weights(layer: Layer) -> dict[int, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    """Return the matrices of `layer`, which hold nearly all of its bytes, by input index."""
    largest = 2 if layer.op in ("LSTM", "GRU") else 1
    return {index: weight for index, weight in layer.weights.items() if weight.ndim > 1 and index <= largest}

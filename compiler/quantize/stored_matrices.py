"""A layer whose matrices are stored in another form, each alone and rounded to nearest; biases are few, and stay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dwcpc.compiler.quantize.graph_part import GraphPart

if TYPE_CHECKING:
    import numpy as np
    import onnx
    from numpy.typing import NDArray

    from dwcpc.compiler.quantize.base import Layer

# Adds what restores one matrix, of which it is given the name, to a part and returns the restored value.
Store = Callable[[GraphPart, str, "NDArray[np.float32]"], "str | Refused"]


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a matrix cannot be stored so."""

    reason: str


def with_stored_matrices(layer: Layer, store: Store) -> onnx.GraphProto | str:
    """Return `layer` with each of its matrices stored by `store`, or the reason why one cannot be."""
    matrices = _matrices(layer)
    if not matrices:
        return "its weights are a vector, too few to store otherwise"
    part, node = GraphPart(layer.name), layer.copied_node()
    for index, weight in matrices.items():
        value = store(part, f"input{index}", weight)
        if isinstance(value, Refused):
            return value.reason
        node.input[index] = value
    part.append(node)
    return part.proto()


def _matrices(layer: Layer) -> dict[int, NDArray[np.float32]]:
    """Return the matrices of `layer`, which hold nearly all of its bytes, by input index."""
    largest = 2 if layer.op in ("LSTM", "GRU") else 1
    return {index: weight for index, weight in layer.weights.items() if weight.ndim > 1 and index <= largest}

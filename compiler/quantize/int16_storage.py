"""Weights stored in int16 with a scale per row, computed with in float32: float16's bytes, 20 dB more exact.

    w = float(q)·s,   s = max|w| / 32767 for each row

float16 spends 5 of its 16 bits on a range that the weights of one row do not have. Layers to whose rounding a network
is sensitive keep more digits so (76.9 dB against 56.4 dB, measured on all of the consensus autoencoder).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dwcpc.compiler.quantize.base import Activations, Layer, Proposal
from dwcpc.compiler.quantize.stored_matrices import with_stored_matrices

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.compiler.quantize.graph_part import GraphPart

LARGEST = 32767
SMALLEST_SCALE = 1e-30


class Int16Storage:
    """Offer each layer its weights in int16 rows."""

    precision = "int16 storage"

    def propose(self, layer: Layer, activations: Activations) -> Proposal | str:  # noqa: ARG002 - rounds to nearest
        """Return the layer behind the arithmetic that restores its weights."""

        def stored(part: GraphPart, name: str, weight: NDArray[np.float32]) -> str:
            return in_int16_rows(part, name, weight, _summed_axes(layer, weight.ndim))

        graph = with_stored_matrices(layer, stored)
        return graph if isinstance(graph, str) else Proposal(self.precision, graph)


def in_int16_rows(part: GraphPart, name: str, weight: NDArray[np.float32], summed: tuple[int, ...]) -> str:
    """Store `weight` with a scale for each index of its axes but the `summed`; return the value that restores it."""
    wide = weight.astype(np.float64)
    scale = np.maximum(np.abs(wide).max(axis=summed, keepdims=True) / LARGEST, SMALLEST_SCALE).astype(np.float32)
    return part.restored(name, np.round(wide / scale).clip(-LARGEST, LARGEST).astype(np.int16), scale, name)


def _summed_axes(layer: Layer, rank: int) -> tuple[int, ...]:
    """Return the axes of the weight along which one output is summed."""
    if layer.op in ("LSTM", "GRU"):
        return (2,)
    if layer.op == "Conv":
        return tuple(range(1, rank))
    return (1,) if layer.transposed else (rank - 2,)

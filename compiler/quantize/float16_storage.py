"""Weights stored in float16 and computed with in float32: half the bytes, the same speed.

A Cast stands between, which onnxruntime folds once, when it loads the model. (Arithmetic in float16 on a CPU computes
through inserted casts, and is slower.) Refused where a weight leaves float16's range or would lose its digits there:

    |w| > 65504,   or   Σ(w − float16(w))² > 10⁻⁶·Σw²   (60 dB)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx

from dwcpc.compiler.quantize.base import Activations, Layer, Proposal
from dwcpc.compiler.quantize.stored_matrices import Refused, with_stored_matrices

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.compiler.quantize.graph_part import GraphPart

LARGEST = float(np.finfo(np.float16).max)
LEAST_RATIO = 1e6


class Float16Storage:
    """Offer each layer its weights in float16."""

    precision = "float16 storage"

    def propose(self, layer: Layer, activations: Activations) -> Proposal | str:  # noqa: ARG002 - rounds to nearest
        """Return the layer behind casts of its weights."""
        graph = with_stored_matrices(layer, _stored)
        return graph if isinstance(graph, str) else Proposal(self.precision, graph)


def _stored(part: GraphPart, name: str, weight: NDArray[np.float32]) -> str | Refused:
    if np.abs(weight).max() > LARGEST:
        return Refused(f"a weight of {np.abs(weight).max():.3g} is out of float16's range")
    narrow = weight.astype(np.float16)
    lost = float(((weight.astype(np.float64) - narrow) ** 2).sum())
    if lost * LEAST_RATIO > float((weight.astype(np.float64) ** 2).sum()):
        return Refused("its weights are too small for float16")
    return part.add("Cast", [part.constant(f"{name}_float16", narrow)], name, to=onnx.TensorProto.FLOAT)

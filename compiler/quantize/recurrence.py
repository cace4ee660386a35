"""What a recurrent layer multiplies by its weights at each step: u_t = [x_t, h_{t−1}]."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.compiler.quantize.base import Layer


def joint_inputs(
    layer: Layer, x: NDArray[np.floating], output: NDArray[np.float32], direction: int
) -> NDArray[np.float64]:
    """Return u [steps·rows, inputs + units] of one direction, from x [steps, rows, inputs] and the layer's output Y.

    A given initial state is taken for zero: it is one step of many.
    """
    h = output[:, direction].astype(np.float64)
    nothing = np.zeros_like(h[:1])
    backwards = direction == 1 or _direction(layer) == "reverse"
    before = np.concatenate([h[1:], nothing] if backwards else [nothing, h[:-1]])
    joint: NDArray[np.float64] = np.concatenate([x, before], axis=-1).reshape(-1, x.shape[-1] + h.shape[-1])
    return joint


def _direction(layer: Layer) -> str:
    for attribute in layer.node.attribute:
        if attribute.name == "direction":
            return str(attribute.s.decode())
    return "forward"

"""What a recurrent layer multiplies by its weights at each step: u_t = [x_t, h_{t−1}]."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.compiler.quantize.base import Layer

W, R, B = 1, 2, 3  # inputs of an LSTM: of its input, of its state, bias


def joint_inputs(
    layer: Layer, x: NDArray[np.floating], output: NDArray[np.float32], direction: int
) -> NDArray[np.float64]:
    """Return u [steps·rows, inputs + units] of one direction, from x [steps, rows, inputs] and the layer's output Y.

    A given initial state is taken for zero: it is one step of many.
    """
    h = output[:, direction].astype(np.float64)
    nothing = np.zeros_like(h[:1])
    backwards = direction == 1 or direction_of(layer) == "reverse"
    before = np.concatenate([h[1:], nothing] if backwards else [nothing, h[:-1]])
    joint: NDArray[np.float64] = np.concatenate([x, before], axis=-1).reshape(-1, x.shape[-1] + h.shape[-1])
    return joint


def direction_of(layer: Layer) -> str:
    """Return `forward`, `reverse` or `bidirectional`."""
    return str(layer.attributes.get("direction", b"forward").decode())

"""What a convolution multiplies by its weights: patches of its input, flattened as onnxruntime's integer kernel does.

onnxruntime transposes QLinearConv's input and weights to channels last, so that neighbours along the contracted axis
are channels of one kernel position: the order of the columns here is [kernel positions, channels].
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np
from onnx import helper

if TYPE_CHECKING:
    import onnx
    from numpy.typing import NDArray


def patches(node: onnx.NodeProto, x: NDArray[np.floating], kernel: tuple[int, ...]) -> NDArray[np.floating]:
    """Return [positions, kernel positions · channels] of x [rows, channels, *space]; padding is 0."""
    given = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    rank = len(kernel)
    pads = given.get("pads", [0] * (2 * rank))
    steps, dilations = given.get("strides", [1] * rank), given.get("dilations", [1] * rank)
    padded = np.pad(x, [(0, 0), (0, 0), *((pads[axis], pads[rank + axis]) for axis in range(rank))])
    spans = tuple((width - 1) * dilation + 1 for width, dilation in zip(kernel, dilations, strict=True))
    windows = np.lib.stride_tricks.sliding_window_view(padded, spans, axis=tuple(range(2, 2 + rank)))
    chosen = (slice(None), slice(None), *(slice(None, None, step) for step in (*steps, *dilations)))
    last = np.moveaxis(windows[chosen], 1, -1)  # rows, space, kernel, channels
    return last.reshape(-1, prod(kernel) * x.shape[1])


def flat_rows(weight: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return a convolution's weight [outputs, channels, *kernel] as [outputs, kernel positions · channels]."""
    return np.moveaxis(weight, 1, -1).reshape(len(weight), -1).astype(np.float64)


def unflattened(rows: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return rows as `flat_rows` makes them in the weight's shape again."""
    outputs, channels, *kernel = shape
    return np.moveaxis(rows.reshape(outputs, *kernel, channels), -1, 1)

"""Sizes of layers read from the shapes of their weights, which may come from a hostile file."""

from typing import Final

from dwcpc.models.architecture import Shapes

LARGEST_DIMENSION: Final = 2**20
"""Far above any layer here, and small enough that no matrix of such sides overflows torch's 64-bit sizes."""

LSTM_GATES: Final = 4
"""torch stacks the input, forget, cell and output gates along axis 0 of an LSTM's weights."""


def dimension(shapes: Shapes, key: str, axis: int, default: int) -> int:
    """Return the size of `key` along `axis`, or `default` where that is not in 1…`LARGEST_DIMENSION`."""
    shape = shapes.get(key, ())
    size = shape[axis] if axis < len(shape) else 0
    return size if 1 <= size <= LARGEST_DIMENSION else default


def lstm_units(shapes: Shapes, prefix: str, default: int) -> int:
    """Return the hidden units of the LSTM whose keys begin with `prefix`, or `default` as in `dimension`."""
    rows = dimension(shapes, f"{prefix}.weight_ih_l0", 0, default * LSTM_GATES)
    return rows // LSTM_GATES or default

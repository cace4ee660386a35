"""How far a compiled model may be from its source, and still be that model.

For a float target, per output and per index of the last axis (outputs of different units share no tolerance):

    tolerance = max(1e-5 · σ, 4 · max|f32 − f64|, 2⁻²³ · max|f64|)

σ is the spread (standard deviation) of the float64 reference over the rows; |f32 − f64| is the source framework's own
rounding noise on the same rows, of which the compiled model may have as much again, in another order of additions; the
last term is one unit in the last place of a float32 output.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPREAD_FACTOR = 1e-5
NOISE_FACTOR = 4.0
FLOAT32_ULP = 2.0**-23


def float_tolerance(f64: NDArray[np.floating], f32: NDArray[np.floating]) -> tuple[float, ...]:
    """Return the tolerance of one output on one group of rows: one value a channel, or one for outputs [rows]."""
    columns = f64.reshape(-1, f64.shape[-1] if f64.ndim > 1 else 1).astype(np.float64)
    noise = np.abs(f32.reshape(columns.shape).astype(np.float64) - columns).max(axis=0)
    spread = columns.std(axis=0)
    magnitude = np.abs(columns).max(axis=0)
    return tuple(np.maximum.reduce([SPREAD_FACTOR * spread, NOISE_FACTOR * noise, FLOAT32_ULP * magnitude]).tolist())

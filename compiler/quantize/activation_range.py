"""A uint8 range for activations, fixed at compile time: what is clipped is chosen by the error it saves elsewhere.

    x ≈ s·(u − z),   u = clip(round(x/s) + z, 0, 255)

Each end of the range is tried at shares of the values seen in calibration; 0 is always inside, and exact: it is what a
convolution pads with. With weights w the error counted is Σ_k E[(x_k − s·(u_k − z))²]·Σ_n w_kn².
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVELS = 255
SHARES = (1.0, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2)
SMALLEST_STEP = 1e-12


@dataclass(frozen=True, slots=True)
class ActivationRange:
    """The step s and the zero point z."""

    step: np.float32
    zero: np.uint8

    @classmethod
    def between(cls, low: float, high: float) -> ActivationRange:
        """Return the range from `low` ≤ 0 to `high` ≥ 0, moved so that 0 is a whole number of steps."""
        step = np.float32(max((high - low) / LEVELS, SMALLEST_STEP))
        return cls(step, np.uint8(np.clip(np.round(-low / step), 0, LEVELS)))

    def rounded(self, x: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return s·(u − z), the values that the integer product meets."""
        step, zero = float(self.step), float(self.zero)
        whole: NDArray[np.float64] = np.clip(np.round(x.astype(np.float64) / step), -zero, LEVELS - zero) * step
        return whole


def activation_range(x: NDArray[np.floating], importance: NDArray[np.float64]) -> ActivationRange:
    """Return the range for x [n, channels] with the least error, weighted by channel."""
    low, high = min(float(x.min()), 0.0), max(float(x.max()), 0.0)

    def error_of(ends: tuple[float, float]) -> float:
        lost = x - ActivationRange.between(*ends).rounded(x)
        return float(np.einsum("ij,ij,j->", lost, lost, importance))

    low = min((share * low for share in SHARES), key=lambda end: error_of((end, high)))
    high = min((share * high for share in SHARES), key=lambda end: error_of((low, end)))
    return ActivationRange.between(low, high)

"""Why an int8 product cannot saturate, on any processor.

Without VNNI, x86 multiplies unsigned activations a by signed weights w with VPMADDUBSW: two products of neighbours
along the contracted axis, a₂ᵢ·w₂ᵢ + a₂ᵢ₊₁·w₂ᵢ₊₁, are added in 16 bits, and what exceeds them is cut off silently. As
0 ≤ a ≤ 255,

    −32768 ≤ 255·(min(w₂ᵢ, 0) + min(w₂ᵢ₊₁, 0))   and   255·(max(w₂ᵢ, 0) + max(w₂ᵢ₊₁, 0)) ≤ 32767

hold for every input when the weights of each pair that have one sign add to 128 at most. The bound is of the weights
alone; it allows single weights of 127, where the usual remedy (7 bits, `reduce_range`) halves all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LARGEST_ACTIVATION = 255
PAIR_LIMIT = 32767 // LARGEST_ACTIVATION
LARGEST_WEIGHT = 127


def largest_pair(weights: NDArray[np.integer]) -> int:
    """Return the largest |sum| of weights of one sign in a pair; `weights` [..., contracted axis, outputs]."""
    w = weights.astype(np.int64)
    if w.shape[-2] % 2:
        w = np.concatenate([w, np.zeros_like(w[..., :1, :])], axis=-2)
    left, right = w[..., 0::2, :], w[..., 1::2, :]
    positive = np.maximum(left, 0) + np.maximum(right, 0)
    negative = np.minimum(left, 0) + np.minimum(right, 0)
    return int(max(positive.max(initial=0), -negative.min(initial=0)))


def room_beside(first: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the smallest and the largest weight that each `first` leaves to its neighbour."""
    low = np.maximum(-LARGEST_WEIGHT, -PAIR_LIMIT - np.minimum(first, 0))
    high = np.minimum(LARGEST_WEIGHT, PAIR_LIMIT - np.maximum(first, 0))
    return low, high

"""float32 as whole numbers in the same order, so that the one on which something turns can be found by bisection."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

BITS = 32
_SIGN = np.int64(1) << 31


def ordinal(values: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """Return int64 in the order of `values`, neighbours one apart; −0 comes just before +0. NaN has no place."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32).astype(np.int64)
    return np.where(bits < _SIGN, bits, _SIGN - 1 - bits)


def from_ordinal(ordinals: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Return the float32 of each ordinal."""
    bits = np.where(ordinals >= 0, ordinals, _SIGN - 1 - ordinals)
    return bits.astype(np.uint32).view(np.float32)


LOWEST = int(ordinal(np.array([-np.inf], np.float32))[0])
HIGHEST = int(ordinal(np.array([np.inf], np.float32))[0])


def last_true(holds: Callable[[npt.NDArray[np.float32]], npt.NDArray[np.bool_]], count: int) -> npt.NDArray[np.float32]:
    """Return, for each of `count` predicates, the largest float32 for which it holds, −∞ to +∞.

    `holds` [count] → [count] answers all predicates at once; each must hold for −∞ and, once false, stay false.
    """
    low = np.full(count, LOWEST, np.int64)
    high = np.full(count, HIGHEST + 1, np.int64)  # one past +∞, where nothing holds
    for _ in range(BITS):
        middle = low + (high - low) // 2
        true = holds(from_ordinal(middle))
        low, high = np.where(true, middle, low), np.where(true, high, middle)
    return from_ordinal(low)

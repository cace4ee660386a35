"""Whole groups dealt out to training, validation and test."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dwcpc.compiler.errors import InputError

PARTS = 3


def dealt_groups(group: NDArray[Any], seed: int, shares: tuple[float, float]) -> NDArray[np.int64]:
    """Return 0, 1 or 2 for each row, as its group was drawn for training, validation or test: each has at least one.

    `shares` of the groups go to training and validation, the rest to the test. InputError for fewer than three groups.
    """
    known, place = np.unique(group, return_inverse=True)
    if len(known) < PARTS:
        raise InputError(f"table: {len(known)} groups, expected 3 or more to split by group; split by time alone")
    first, second = np.rint(np.cumsum(shares) * len(known)).astype(int)
    first = min(max(1, first), len(known) - 2)
    second = min(max(first + 1, second), len(known) - 1)
    rank = np.empty(len(known), np.int64)
    rank[np.random.default_rng(seed).permutation(len(known))] = np.arange(len(known))
    return np.where(rank < first, 0, np.where(rank < second, 1, 2))[place]

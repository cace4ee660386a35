"""Rows where the label changes: between two rows with different labels, found by bisection with the source model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dwcpc.parity.cases import LABEL_CHANGE, CaseGroup

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

BISECTIONS = 24  # as many as float32 has digits
KEPT = 8  # of the last bisections
MOST_LABELS = 64


def label_cases(
    labels: Callable[[NDArray[np.float32]], NDArray[np.int64]],
    candidates: NDArray[np.float32],
    rows: int,
    seed: int,
) -> CaseGroup | None:
    """Return up to `rows` rows at which the label changes; none when all of `candidates` have the same."""
    rng = np.random.default_rng(seed)
    own = labels(candidates)
    found = rng.permutation(np.unique(own))[:MOST_LABELS]
    if len(found) < 2:
        return None
    pairs = -(-rows // (KEPT * len(found)))
    low_index = np.concatenate([rng.choice(np.flatnonzero(own == label), pairs) for label in found])
    high_index = np.concatenate([rng.choice(np.flatnonzero(own != label), pairs) for label in found])
    low, high = candidates[low_index].astype(np.float64), candidates[high_index].astype(np.float64)
    kept = []
    for step in range(BISECTIONS):
        middle = ((low + high) / 2).astype(np.float32)
        stays = labels(middle) == own[low_index]
        low[stays], high[~stays] = middle[stays], middle[~stays]
        if step >= BISECTIONS - KEPT:
            kept.append(middle)
    near = np.concatenate(kept)
    return CaseGroup(LABEL_CHANGE, near[rng.permutation(len(near))[:rows]])

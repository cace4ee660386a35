"""Rows whose score lies at the decision threshold: random rows hardly ever come near it, and there models disagree.

Each row is a point on the line between a row that scores below and one that scores above, found by bisection with the
source model in float32.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dwcpc.parity.cases import THRESHOLD, CaseGroup

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

BISECTIONS = 16
KEPT = 8  # of the last bisections: distances from 2^-9 to 2^-16 of the pair's
SURPLUS = 2  # more pairs than needed, as some end at a jump of the score and not near the threshold
SURPLUS_OF_JUMPS = 64  # where the score does nothing but jump, most do
PAIRED_ROWS = 256  # of each group of candidates
BAND = 0.02  # of the threshold: rows whose score lies farther off are no threshold rows


def threshold_cases(
    score: Callable[[NDArray[np.float32]], NDArray[np.floating]],
    candidates: NDArray[np.float32],
    threshold: float,
    rows: int,
    seed: int,
    *,
    surplus: int = SURPLUS,
) -> CaseGroup | None:
    """Return up to `rows` rows near `threshold`; none when no two of `candidates` lie on different sides of it."""
    rng = np.random.default_rng(seed)
    scores = np.asarray(score(candidates), np.float64)
    below, above = np.flatnonzero(scores < threshold), np.flatnonzero(scores > threshold)
    if not len(below) or not len(above):
        return None
    pairs = surplus * -(-rows // KEPT)
    low = candidates[rng.choice(below, pairs)].astype(np.float64)
    high = candidates[rng.choice(above, pairs)].astype(np.float64)
    kept = []
    for step in range(BISECTIONS):
        middle = ((low + high) / 2).astype(np.float32)
        middle_scores = np.asarray(score(middle), np.float64)
        is_above = middle_scores > threshold
        high[is_above], low[~is_above] = middle[is_above], middle[~is_above]
        if step >= BISECTIONS - KEPT:
            kept.append(middle[np.abs(middle_scores - threshold) <= BAND * abs(threshold)])
    near = np.concatenate(kept)
    return CaseGroup(THRESHOLD, near[rng.permutation(len(near))[:rows]]) if len(near) else None

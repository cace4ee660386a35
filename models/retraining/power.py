"""How many labelled fresh rows a comparison takes: the table of docs/retraining.md.

    python -m dwcpc.models.retraining.power

Each of so many labelled rows is found by the served model with probability r, and by the candidate, independently of
the other, with r − d; a block holds one labelled row or two. Real models miss the same rows more often than that, so
real intervals are narrower.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dwcpc.models.retraining.comparison import TOLERANCE, Figures, Weights, compare

RECALL = 0.98
LABELLED = (300, 700, 1500, 3000)
WORSE_BY = (-0.01, 0.0, 0.01, 0.03)
TRIES = 100
ROWS_PER_BLOCK = 1.5


def shares(labelled: int, worse_by: float, *, tolerance: float = TOLERANCE, tries: int = TRIES) -> tuple[float, float]:
    """Return the shares of `tries` that pass and that fail; the rest is inconclusive."""
    verdicts = [_verdict(labelled, worse_by, tolerance, seed) for seed in range(tries)]
    return verdicts.count("pass") / tries, verdicts.count("fail") / tries


def table(say: Callable[[str], object]) -> None:
    """Say the table, line by line."""
    say(f"| labelled fresh rows | {' | '.join(_heading(worse_by) for worse_by in WORSE_BY)} |")
    say(f"|{'---|' * (len(WORSE_BY) + 1)}")
    for labelled in LABELLED:
        found = [shares(labelled, worse_by) for worse_by in WORSE_BY]
        cells = [f"{passed:.0%} / {1 - passed - failed:.0%} / {failed:.0%}" for passed, failed in found]
        say(f"| {labelled:,} | {' | '.join(cells)} |")


def _heading(worse_by: float) -> str:
    if worse_by == 0:
        return "as good"
    return f"{'worse' if worse_by > 0 else 'better'} by {abs(worse_by):.0%}"


def _verdict(labelled: int, worse_by: float, tolerance: float, seed: int) -> str:
    rng = np.random.default_rng(seed)
    block = (np.arange(labelled) / ROWS_PER_BLOCK).astype(np.int64)
    found = [rng.random(labelled) < recall for recall in (RECALL - worse_by, RECALL)]
    (compared,) = compare(block, _recall(found[0]), _recall(found[1]), ["recall"], tolerance=tolerance, seed=seed)
    return compared.verdict


def _recall(found: NDArray[np.bool_]) -> Figures:
    hits = found.astype(np.int64)

    def figures(weights: Weights | None) -> dict[str, float]:
        counts = np.ones_like(hits) if weights is None else weights
        return {"recall": float(counts @ hits) / float(counts.sum())}

    return figures


if __name__ == "__main__":
    table(lambda line: sys.stdout.write(f"{line}\n"))

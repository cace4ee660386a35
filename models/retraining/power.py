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

from dwcpc.models.retraining.comparison import DRAWS, LEVEL, TOLERANCE, Figures, Weights, compare

RECALL = 0.98
LABELLED = (300, 700, 1500, 3000)
WORSE_BY = (-0.01, 0.0, 0.01, 0.03)
TRIES = 100
BORDER_TRIES = 4000
ROWS_PER_BLOCK = 1.5


def shares(labelled: int, worse_by: float, *, tolerance: float = TOLERANCE, tries: int = TRIES) -> tuple[float, float]:
    """Return the shares of `tries` that pass and that fail; the rest is inconclusive."""
    verdicts = [_verdict(labelled, worse_by, tolerance, seed) for seed in range(tries)]
    return verdicts.count("pass") / tries, verdicts.count("fail") / tries


def passed_at_the_border(labelled: int, tries: int = BORDER_TRIES) -> float:
    """Return how often what is worse by the tolerance passes: `compare` on independent rows, by sums of blocks."""
    rng = np.random.default_rng(labelled)
    block = (np.arange(labelled) / ROWS_PER_BLOCK).astype(np.int64)
    blocks = int(block.max()) + 1
    drawn = np.stack([np.bincount(rng.integers(blocks, size=blocks), minlength=blocks) for _ in range(DRAWS)])
    weights, passed = drawn.astype(np.float32), 0
    rows = weights @ np.bincount(block).astype(np.float32)
    for _ in range(tries):
        mine, theirs = (rng.random(labelled) < recall for recall in (RECALL - TOLERANCE, RECALL))
        difference = np.bincount(block, mine.astype(np.float32) - theirs).astype(np.float32)
        passed += bool(np.quantile(weights @ difference / rows, (1 - LEVEL) / 2) >= -TOLERANCE)
    return passed / tries


def table(say: Callable[[str], object]) -> None:
    """Say the table, line by line."""
    say(f"| labelled fresh rows | {' | '.join(_heading(worse_by) for worse_by in WORSE_BY)} |")
    say(f"|{'---|' * (len(WORSE_BY) + 1)}")
    for labelled in LABELLED:
        found = [shares(labelled, worse_by) for worse_by in WORSE_BY]
        cells = [f"{passed:.0%} / {1 - passed - failed:.0%} / {failed:.0%}" for passed, failed in found]
        say(f"| {labelled:,} | {' | '.join(cells)} |")
    border = [passed_at_the_border(labelled) for labelled in LABELLED]
    say(f"\nof {BORDER_TRIES:,} that are worse by the tolerance: {', '.join(f'{share:.1%}' for share in border)} pass")


def _heading(worse_by: float) -> str:
    if worse_by == 0:
        return "as good"
    return f"{'worse' if worse_by > 0 else 'better'} by {abs(worse_by):.0%}"


def _verdict(labelled: int, worse_by: float, tolerance: float, seed: int) -> str:
    rng = np.random.default_rng([seed, labelled])  # another stream than that of the draws
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

"""Is a bundle slower than its baseline? Twenty adjacent pairs of blocks, the baseline against itself alongside.

r_i = B_i / A_i, of the block medians of wall time; the machine's speed at that moment drops out of it. It is a
regression when the 5th smallest of the 20 ratios is over 1.05 and the median of B_i − A_i is over 20 µs. The 5th
smallest is a lower bound of the true ratio's median that holds with 99.4 % (sign test, bench/stats.py), however the
ratios are distributed: a spike moves a ratio far, and one ratio by one place.

The control C is A again, under the same rule. Whatever it says is the machine's doing: where it crosses, up or down,
nobody can tell what the same machine did to B.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dwcpc.bench.findings import Regression
from dwcpc.bench.paired import Paired, summarized

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.compiler.metadata import Verdict

SLOWER = 1.05
LEAST_EFFECT_MS = 0.020  # less is nothing to a service, and a microsecond model's 5 % are a few clock readings
A, B, CONTROL = 0, 1, 2


def judge_regression(baseline: str, blocks: NDArray[np.float64]) -> Regression:
    """Judge block medians in ms [pairs, (A, B, control), (wall, CPU)]; `baseline` says what A is."""
    pair, control = summarized(blocks[:, [A, B]]), summarized(blocks[:, [A, CONTROL]])
    by_ms, control_by_ms = _difference(blocks, B), _difference(blocks, CONTROL)
    verdict, reason = _judged(pair, by_ms, control, control_by_ms)
    return Regression(
        baseline=baseline,
        ratio=pair.latency,
        at_least=pair.low,
        control=control.latency,
        control_at_least=control.low,
        slower_by_ms=by_ms,
        verdict=verdict,
        reason=reason,
    )


def _difference(blocks: NDArray[np.float64], side: int) -> float:
    return float(np.median(blocks[:, side, 0] - blocks[:, A, 0]))


def _judged(pair: Paired, by_ms: float, control: Paired, control_by_ms: float) -> tuple[Verdict, str]:
    if _is_slower(control, control_by_ms) or _is_faster(control, control_by_ms):
        return "inconclusive", f"the baseline against itself takes {control} of its own time: the machine is too noisy"
    if _is_slower(pair, by_ms):
        least = f"at least {100 * (pair.low - 1):.3g} %"
        return "fail", f"slower than the baseline by {100 * (pair.ratio - 1):.3g} %, {least}, 99 % sure"
    if pair.low > SLOWER:
        return "pass", f"{pair} of the baseline's time, which is {by_ms * 1e3:.3g} µs: too little to matter"
    return "pass", f"{pair} of the baseline's time"


def _is_slower(pair: Paired, by_ms: float) -> bool:
    return pair.low > SLOWER and by_ms > LEAST_EFFECT_MS


def _is_faster(pair: Paired, by_ms: float) -> bool:
    return pair.high < 1 / SLOWER and -by_ms > LEAST_EFFECT_MS

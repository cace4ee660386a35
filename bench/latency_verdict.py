"""Is the latency within its budget? Pass and fail only where the machine cannot be the reason; inconclusive otherwise.

Of n processes (five, by the protocol), with a majority of n // 2 + 1:

- **pass** when in a majority the 99 % upper bound of p99 is within the limit. Noise only ever makes a call longer, so
  that it can keep a good model from passing and never lets a bad one pass: a single bound is too low with 1 %, three of
  five together with 0.001 %.
- **fail** when in a majority the model is slow by its CPU time: the median, or a bound of p99, is over what
  `bench/disturbance.py` allows. The bound that speaks against a model is the 99 % *lower* one: of 500 calls the upper
  one is the slowest call, and one slow call in 500 is within a budget on p99. A median of *wall* time over the limit is
  no reason by itself: where other processes run on each core, fair scheduling doubles it. Where the model is the
  reason, its CPU time is over the limit too.
- else **inconclusive**: the caller measures once more, and then nobody knows.

A process of fewer than 459 calls has no bound of p99: it cannot help to pass, but its median can fail.
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from dwcpc.bench.budgets import LATENCY
from dwcpc.bench.disturbance import fastest_probe_ms, median_allowance, p99_allowance
from dwcpc.compiler.metadata import Budget

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dwcpc.bench.findings import ProcessRun


def majority(processes: int) -> int:
    """Return how many of `processes` have to agree: 3 of 5."""
    return processes // 2 + 1


def judge_latency(limit_ms: float, runs: Sequence[ProcessRun], fastest_ms: float | None = None) -> Budget:
    """Judge p99 by the processes of the runtime that serves; none measured is inconclusive.

    `fastest_ms` is the fastest probe of the whole job, where more was measured than `runs`.
    """
    if not runs:
        return Budget(LATENCY, limit_ms, None, "inconclusive", "the Go runtime was not measured")
    fastest_ms = fastest_probe_ms(runs) if fastest_ms is None else fastest_ms
    measured = statistics.median(run.p99_ms for run in runs)
    within = sum(is_within(run, limit_ms) for run in runs)
    slow = sum(is_slow(run, limit_ms, fastest_ms) for run in runs)
    if within >= majority(len(runs)):
        bound = statistics.median_low(_bounds(runs))
        reason = f"p99 is at most {bound:.3g} ms, 99 % sure ({within} of {len(runs)} processes within)"
        return Budget(LATENCY, limit_ms, measured, "pass", reason)
    if slow >= majority(len(runs)):
        return Budget(LATENCY, limit_ms, measured, "fail", _slow_reason(limit_ms, runs, slow))
    return Budget(LATENCY, limit_ms, measured, "inconclusive", _unknown_reason(limit_ms, runs, within, slow))


def is_within(run: ProcessRun, limit_ms: float) -> bool:
    """Whether p99 of this process is within the limit, 99 % sure."""
    return run.p99_upper_ms is not None and run.p99_upper_ms <= limit_ms


def is_slow(run: ProcessRun, limit_ms: float, fastest_ms: float) -> bool:
    """Whether it is the model that is slow, whatever the machine did."""
    if run.cpu_p50_ms > limit_ms * median_allowance(run, fastest_ms):
        return True
    bound = run.cpu_p99_lower_ms
    return bound is not None and bound > limit_ms * p99_allowance(run, fastest_ms)


def _slow_reason(limit_ms: float, runs: Sequence[ProcessRun], slow: int) -> str:
    typical = statistics.median(run.cpu_p50_ms for run in runs)
    where = f"in {slow} of {len(runs)} processes"
    if typical > limit_ms:
        return f"a typical call takes {typical:.3g} ms of processor time, whatever else the machine does ({where})"
    bounds = [run.cpu_p99_lower_ms for run in runs if run.cpu_p99_lower_ms is not None]
    return (
        f"p99 of processor time is {statistics.median(bounds):.3g} ms at least, whatever else the machine does "
        f"({where}); a typical call takes {typical:.3g} ms of it"
    )


def _unknown_reason(limit_ms: float, runs: Sequence[ProcessRun], within: int, slow: int) -> str:
    cpu_ms = statistics.median(run.cpu_p50_ms for run in runs)
    bounds = _bounds(runs)
    if not bounds:
        return f"{max(run.calls for run in runs)} calls cannot bound p99; measure at least 459"
    told = (
        f"p99 may be {statistics.median(bounds):.3g} ms ({within} of {len(runs)} processes within), while a typical "
        f"call takes {cpu_ms:.3g} ms of processor time"
    )
    others = [run.others_cores for run in runs if run.others_cores is not None]
    busy = statistics.median(others) if others else 0.0
    if busy >= 0.05:
        return f"{told}; others used {busy:.2g} cores meanwhile: measure again on a quieter machine"
    if cpu_ms > limit_ms or slow:
        return f"{told}: too close to {limit_ms:g} ms to tell on this machine"
    return f"{told}: the calls wait for something that is not the processor"


def _bounds(runs: Sequence[ProcessRun]) -> list[float]:
    return [run.p99_upper_ms for run in runs if run.p99_upper_ms is not None]

"""How far the machine, and not the model, can have stretched a CPU time.

CPU time does not count the time in which the thread was preempted, and so tells a slow model from a busy machine: where
fair scheduling between two processes doubles the wall time, CPU time stays. It is no clean number though:

- A lower clock, heat, a full memory bus: every instruction takes longer, for seconds on end. The probe, a fixed amount
  of arithmetic before and after, takes longer alike; s = (the slower of the two) / (the fastest probe of the job).
- A busy sibling on the same physical core shares its units; the two threads together do not lose, so each has half of
  it at the very least: a factor of 2, which the probe does not see when the sibling is as busy in every process.
- After a preemption or an interrupt caches are cold; time that a hypervisor takes without saying so is counted as the
  thread's. Both strike a part of the calls, the share of time in which others ran at most.

Whether others ran is counted: the machine's busy ticks, those that the hypervisor took included, less the process's
own, as a number of cores, o. At most a share o of the calls can have been struck. A quantile q of CPU time is then
evidence against the model at face value, corrected by s, when o is well below 1 − q: a quarter of a core for the
median, a hundredth for p99. Otherwise twice as much is asked: over 2·s·limit it is slow even if others slowed each call
by half.

None of this can let a model pass: CPU time is evidence against a model only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dwcpc.bench.findings import ProcessRun

SHARED_CORE = 2.0
FEW_FOR_MEDIAN_CORES = 0.25
FEW_FOR_P99_CORES = 0.01


def fastest_probe_ms(runs: Iterable[ProcessRun]) -> float:
    """Return the fastest probe of a job: how fast this machine is when it is let alone, as far as that was seen."""
    return min(min(run.probe_before_ms, run.probe_after_ms) for run in runs)


def slowdown(run: ProcessRun, fastest_ms: float) -> float:
    """Return s: how much slower the processor was around this process than at its fastest, at least 1."""
    return max(1.0, run.probe_before_ms / fastest_ms, run.probe_after_ms / fastest_ms)


def median_allowance(run: ProcessRun, fastest_ms: float) -> float:
    """Return by which factor the median of CPU time may exceed a limit before the model is to blame."""
    return slowdown(run, fastest_ms) * _shared(run, FEW_FOR_MEDIAN_CORES)


def p99_allowance(run: ProcessRun, fastest_ms: float) -> float:
    """Return the same factor for p99 of CPU time."""
    return slowdown(run, fastest_ms) * _shared(run, FEW_FOR_P99_CORES)


def _shared(run: ProcessRun, few_cores: float) -> float:
    quiet = run.others_cores is not None and run.others_cores < few_cores
    return 1.0 if quiet else SHARED_CORE

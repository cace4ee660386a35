"""The budgets of a measured bundle. Go decides, as it is the runtime that serves."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from dwcpc.bench.budgets import BYTES_PER_MB, CPU, MEMORY, SIZE, TOGETHER
from dwcpc.bench.disturbance import fastest_probe_ms, median_allowance
from dwcpc.bench.latency_verdict import judge_latency, majority
from dwcpc.compiler.metadata import Budget

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dwcpc.bench.budgets import Limits
    from dwcpc.bench.findings import ProcessRun
    from dwcpc.compiler.bundle import Bundle


def judge_runs(
    bundle: Bundle, limits: Limits, go: Sequence[ProcessRun], rate_per_s: float, fastest_ms: float | None = None
) -> tuple[Budget, ...]:
    """Return every budget's verdict, by the Go processes; what was not measured is inconclusive.

    `fastest_ms` is the fastest probe of the whole job.
    """
    return (
        judge_latency(limits.latency_p99_ms, go, fastest_ms),
        judge_size(limits.size_mb, bundle.size_bytes),
        judge_memory(limits.memory_mb, go),
        judge_cpu(limits.cpu_percent, go, rate_per_s, fastest_ms, bundle.metadata.runtime.session.intra_op_threads),
    )


def judge_size(limit_mb: float, size_bytes: int) -> Budget:
    """Judge the bytes on disk, which no machine disturbs."""
    return _plain(SIZE, limit_mb, size_bytes / BYTES_PER_MB, "bytes on disk of the bundle")


def judge_memory(limit_mb: float, go: Sequence[ProcessRun]) -> Budget:
    """Judge the largest peak of a process."""
    if not go:
        return Budget(MEMORY, limit_mb, None, "inconclusive", "the Go runtime was not measured")
    measured = max(run.peak_memory_bytes for run in go) / BYTES_PER_MB
    return _plain(MEMORY, limit_mb, measured, f"VmHWM of the Go process, the largest of {len(go)}")


def judge_together(limit_mb: float, peak_bytes: int | None, what: str) -> Budget:
    """Judge the peak of one Go process that holds all bundles; none could not be measured, and `what` says why."""
    if peak_bytes is None:
        return Budget(TOGETHER, limit_mb, None, "inconclusive", what)
    return _plain(TOGETHER, limit_mb, peak_bytes / BYTES_PER_MB, what)


def judge_cpu(
    limit_percent: float, go: Sequence[ProcessRun], rate_per_s: float, fastest_ms: float | None, threads: int
) -> Budget:
    """Judge processor seconds per prediction × rate, as a share of one core; a bundle of several threads has others."""
    if not go:
        return Budget(CPU, limit_percent, None, "inconclusive", "the Go runtime was not measured")
    if threads > 1:
        reason = f"the bundle computes with {threads} threads, and only the one that calls is measured"
        return Budget(CPU, limit_percent, None, "inconclusive", reason)
    fastest_ms = fastest_probe_ms(go) if fastest_ms is None else fastest_ms
    shares = [100 * run.cpu_mean_ms / 1e3 * rate_per_s for run in go]
    measured = statistics.median(shares)
    about = f"of one core at {rate_per_s:g} predictions/s"
    over = sum(share > limit_percent * median_allowance(run, fastest_ms) for share, run in zip(shares, go, strict=True))
    if measured <= limit_percent:
        return Budget(CPU, limit_percent, measured, "pass", about)
    if over >= majority(len(go)):
        return Budget(CPU, limit_percent, measured, "fail", about)
    return Budget(CPU, limit_percent, measured, "inconclusive", f"{about}; others may have slowed the processor")


def _plain(name: str, limit: float, measured: float, what: str) -> Budget:
    return Budget(name, limit, measured, "pass" if measured <= limit else "fail", what)

"""What one fresh process did, from its answer and its samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dwcpc.bench.findings import ProcessRun, RuntimeRuns
from dwcpc.bench.stats import lower_bound, percentile, upper_bound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dwcpc.bench.measure import Answer, Samples

BODY_POINTS = 100
TAIL_POINTS = 40  # between p99 and the slowest call, where the eye looks


@dataclass(frozen=True, slots=True)
class Process:
    """One process: its figures, and its wall times in ms for the distribution of all."""

    run: ProcessRun
    onnxruntime: str
    wall_ms: NDArray[np.float32]  # half the size, and as many digits as a clock has


def process(answer: Answer, samples: Samples) -> Process:
    """Return what one process did; `samples` are ms [calls, 2], wall and thread CPU."""
    return Process(process_run(answer, samples), str(answer["onnxruntime"]), samples[:, 0].astype(np.float32))


def process_run(answer: Answer, samples: Samples) -> ProcessRun:
    """Return the figures of one process; `samples` are ms [calls, 2], wall and thread CPU."""
    wall, cpu = samples[:, 0], samples[:, 1]
    others = answer["others_cores"]
    return ProcessRun(
        calls=len(wall),
        settled=bool(answer["stable"]),
        load_ms=float(answer["load_ms"]),
        first_call_ms=float(answer["first_call_ms"]),
        p50_ms=percentile(wall, 0.5),
        p90_ms=percentile(wall, 0.9),
        p99_ms=percentile(wall, 0.99),
        p999_ms=percentile(wall, 0.999),
        max_ms=float(wall.max()),
        p99_upper_ms=upper_bound(wall, 0.99),
        cpu_p50_ms=percentile(cpu, 0.5),
        cpu_mean_ms=float(cpu.mean()),
        cpu_p99_upper_ms=upper_bound(cpu, 0.99),
        cpu_p99_lower_ms=lower_bound(cpu, 0.99),
        peak_memory_bytes=int(answer["peak_memory_bytes"]),
        probe_before_ms=float(answer["probe_before_ms"]),
        probe_after_ms=float(answer["probe_after_ms"]),
        others_cores=None if others is None else float(others),
    )


def runtime_runs(runtime: str, processes: Sequence[Process]) -> RuntimeRuns:
    """Return what all processes of one runtime on one bundle did; there is one at least."""
    return RuntimeRuns(
        runtime,
        processes[0].onnxruntime,
        tuple(each.run for each in processes),
        ecdf(np.concatenate([each.wall_ms for each in processes])),
    )


def ecdf(samples: NDArray[np.floating]) -> tuple[tuple[float, float], ...]:
    """Return (sample, share of all not above it) at percentiles, finer beyond p99, ending at (slowest, 1)."""
    ordered = np.sort(samples)
    n = len(ordered)
    rest = np.geomspace(0.01, 1 / n, TAIL_POINTS) if n > 100 else np.empty(0)
    shares = np.concatenate([np.linspace(1 / n, 1, BODY_POINTS), 1 - rest])
    values = np.unique(ordered[np.clip(np.ceil(shares * n).astype(int) - 1, 0, n - 1)])
    within = np.searchsorted(ordered, values, side="right") / n
    return tuple(zip(values.tolist(), within.tolist(), strict=True))

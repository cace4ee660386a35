"""What `bench` and `gate` measure alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from dwcpc.bench.against_baseline import compare, golden_inputs
from dwcpc.bench.judge_runs import judge_together
from dwcpc.bench.measure_in_turn import GO, Job, Measured
from dwcpc.bench.together import peak_together
from dwcpc.compiler.errors import DwcpcError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dwcpc.bench.findings import Regression
    from dwcpc.bench.gate_limits import GateLimits
    from dwcpc.bench.protocol import Protocol
    from dwcpc.compiler.bundle import Bundle
    from dwcpc.compiler.metadata import Budget

Progress = Callable[[str], None]


def job_of(bundle: Bundle, limits: GateLimits) -> Job:
    """Return what to measure of `bundle`: its golden rows, all of them, against its limits."""
    rows = next(iter(golden_inputs(bundle).values()))
    return Job(bundle, rows, limits.of(bundle.metadata), limits.rate_per_s)


def compared(
    bundle: Bundle, baseline: Bundle, measured: Measured, protocol: Protocol, progress: Progress
) -> Regression | str:
    """Compare with a baseline, once more where the machine was too noisy; or return why that cannot be done."""
    name, metadata = bundle.metadata.name, baseline.metadata
    progress(f"{name} v{bundle.metadata.version} against {metadata.name} v{metadata.version}")
    try:
        found = compare(bundle, baseline, protocol, go_p50_ms(measured))
        for _ in range(protocol.attempts - 1):
            if found.verdict == "inconclusive":
                progress(f"{name} again: {found.reason}")
                found = compare(bundle, baseline, protocol, go_p50_ms(measured))
    except DwcpcError as error:
        return f"not compared with {baseline.path}: {error}"
    return found


def go_p50_ms(measured: Measured) -> float:
    """Return about how long a call takes in Go; 0 where that was not measured."""
    taken = [run.p50_ms for runs in measured.runs if runs.runtime == GO for run in runs.processes]
    return float(np.median(taken)) if taken else 0.0


def together(bundles: Sequence[Bundle], limit_mb: float, progress: Progress) -> Budget | None:
    """Judge the memory of all bundles in one Go process; none where there is one bundle, whose own budget says it."""
    if len(bundles) < 2:
        return None
    progress(f"memory of {len(bundles)} bundles in one Go process")
    try:
        peak_bytes = peak_together(bundles)
    except DwcpcError as error:
        return judge_together(limit_mb, None, f"{len(bundles)} bundles cannot be held together: {error}")
    return judge_together(limit_mb, peak_bytes, f"VmHWM of one Go process that holds {len(bundles)} bundles")

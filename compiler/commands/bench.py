"""`dwcpc bench`: what a bundle takes, without asking whether it still is its model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dwcpc.bench.environment import Begun
from dwcpc.bench.findings import BundleFindings, Findings, Load, Regression
from dwcpc.bench.gate_limits import GateLimits
from dwcpc.bench.measure_in_turn import RUNTIMES, Measured, measure_in_turn
from dwcpc.bench.protocol import Protocol
from dwcpc.bench.under_load import concurrent_load, open_load
from dwcpc.compiler.bundle import open_bundle
from dwcpc.compiler.commands.measured_bundles import compared, job_of, together
from dwcpc.compiler.commands.put_together import judged, put_together, reasons_of, verdicts_of
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.harness import find_harness

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dwcpc.compiler.bundle import Bundle

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class BenchOptions:
    """What is measured, and how thoroughly; `concurrency`, `rate_per_s` and `other` are none where not asked for."""

    limits: GateLimits
    protocol: Protocol
    runtimes: tuple[str, ...]
    concurrency: int | None = None
    rate_per_s: float | None = None
    other: Path | None = None


def bench(paths: Sequence[Path], options: BenchOptions, progress: Progress) -> Findings:
    """Measure the bundles at `paths`: each a version's folder, or a model's with `latest`."""
    runtimes = _runtimes(options.runtimes)
    find_harness()  # or it is missed only after the bundles were read
    bundles = [open_bundle(path) for path in dict.fromkeys(paths)]
    other = None if options.other is None else open_bundle(options.other)
    begun = Begun.now()
    jobs = [job_of(bundle, options.limits) for bundle in bundles]
    measured = measure_in_turn(jobs, options.protocol, progress, runtimes)
    memory = together(bundles, options.limits.together_mb, progress)
    found = [_found(bundle, each, other, options, progress) for bundle, each in zip(bundles, measured, strict=True)]
    return put_together("bench", found, memory, options.protocol, begun)


def _found(
    bundle: Bundle, measured: Measured, other: Bundle | None, options: BenchOptions, progress: Progress
) -> BundleFindings:
    regression: Regression | str | None = None
    if other is not None:
        regression = compared(bundle, other, measured, options.protocol, progress)
    reasons = [] if measured.failure is None else [f"could not be measured: {measured.failure}"]
    reasons += reasons_of(measured.budgets, regression)
    verdict, told = judged(verdicts_of(measured.budgets, regression), reasons, options.protocol)
    return BundleFindings(
        path=str(bundle.path),
        metadata=bundle.metadata,
        files=bundle.files,
        parity=None,
        errors=(),
        runs=measured.runs,
        loads=_loads(bundle, options, progress),
        budgets=measured.budgets,
        regression=regression if isinstance(regression, Regression) else None,
        verdict=verdict,
        reasons=told,
    )


def _loads(bundle: Bundle, options: BenchOptions, progress: Progress) -> tuple[Load, ...]:
    loads = []
    if options.concurrency is not None:
        progress(f"{bundle.metadata.name}: {options.concurrency} callers at once")
        loads.append(concurrent_load(bundle, options.concurrency, options.protocol))
    if options.rate_per_s is not None:
        progress(f"{bundle.metadata.name}: {options.rate_per_s:g} calls a second")
        loads.append(open_load(bundle, options.rate_per_s, options.protocol))
    return tuple(loads)


def _runtimes(names: Iterable[str]) -> tuple[str, ...]:
    chosen = tuple(dict.fromkeys(names))
    for name in chosen:
        if name not in RUNTIMES:
            raise InputError(f"--runtime is {name!r}, expected one or more of {','.join(RUNTIMES)}")
    return chosen

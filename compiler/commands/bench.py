"""`dwcpc bench`: what a bundle takes, without a verdict on whether it still is its model.

One that does not even give its own golden vectors is refused, exit code 2: its figures would be another model's.
"""

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
from dwcpc.compiler.commands.verify import golden_reference
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.harness import find_harness
from dwcpc.parity.defaults import DEFAULT_SEED
from dwcpc.parity.reproduction import require_reproduced
from dwcpc.parity.runners import RUNNERS

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
    """Measure the bundles at `paths`: each a version's folder, or a model's with `latest`.

    InputError where one, or `other`, cannot be read or does not give its golden vectors; nothing is measured then.
    """
    runtimes = _runtimes(options.runtimes)
    find_harness()  # or it is missed only after the bundles were read
    bundles = [open_bundle(path) for path in dict.fromkeys(paths)]
    other = None if options.other is None else open_bundle(options.other)
    _require_reproduced([*bundles, *([] if other is None else [other])], runtimes, progress)
    begun = Begun.now()
    jobs = [job_of(bundle, options.limits) for bundle in bundles]
    measured = measure_in_turn(jobs, options.protocol, progress, runtimes)
    memory = together(bundles, options.limits.together_mb, progress)
    found = [_found(bundle, each, other, options, progress) for bundle, each in zip(bundles, measured, strict=True)]
    return put_together("bench", found, memory, options.protocol, begun)


def _require_reproduced(bundles: Iterable[Bundle], runtimes: Sequence[str], progress: Progress) -> None:
    """Refuse what is not what its compiler wrote. Once, and not in each timed process: a slow model's are cut short."""
    runners = [runner for runner in RUNNERS if runner.name in runtimes]
    for bundle in bundles:
        progress(f"{bundle.metadata.name} v{bundle.metadata.version}: golden vectors")
        require_reproduced(bundle, golden_reference(bundle, DEFAULT_SEED), runners)


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

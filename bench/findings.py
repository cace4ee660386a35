"""What a gate found, as data: every report is made from this and from nothing else, so no two of them can disagree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# At run time too: findings_file.py reads the dataclasses by their types.
from dwcpc.compiler.metadata import Budget, LatencyRatio, Metadata, Parity, Verdict

SCHEMA = "dwcpc.report/1"


@dataclass(frozen=True, slots=True)
class ProcessRun:
    """One fresh process of one runtime: batch 1, one thread, copy in → run → copy out; load and first call apart.

    `p99_upper_ms` and `cpu_p99_upper_ms` are 99 % upper confidence bounds of p99 from order statistics, none below 459
    calls; `cpu_p99_lower_ms` is the lower one. `probe_before_ms` and `probe_after_ms` are the CPU time of the same
    fixed amount of processor work, before and after. `others_cores` is how many cores' worth of time other processes
    and the hypervisor used meanwhile, none where the system does not tell.
    """

    calls: int
    settled: bool
    load_ms: float
    first_call_ms: float
    p50_ms: float
    p90_ms: float
    p99_ms: float
    p999_ms: float
    max_ms: float
    p99_upper_ms: float | None
    cpu_p50_ms: float
    cpu_mean_ms: float
    cpu_p99_upper_ms: float | None
    peak_memory_bytes: int
    probe_before_ms: float
    probe_after_ms: float
    others_cores: float | None = None
    cpu_p99_lower_ms: float | None = None


@dataclass(frozen=True, slots=True)
class RuntimeRuns:
    """All processes of one runtime on one bundle; `ecdf` is (latency in ms, share of all calls not above it)."""

    runtime: str
    onnxruntime: str
    processes: tuple[ProcessRun, ...]
    ecdf: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Load:
    """The Go process under load: `concurrency` callers at once, or calls that arrive at `rate_per_s` (open loop).

    In the open loop a call's latency counts from when it should have begun.
    """

    kind: Literal["concurrent", "open"]
    concurrency: int
    rate_per_s: float | None
    calls: int
    served_per_s: float
    p50_ms: float
    p99_ms: float
    max_ms: float


@dataclass(frozen=True, slots=True)
class Regression:
    """A bundle against its baseline in adjacent pairs of blocks; `control` is the baseline against itself, alongside.

    `at_least` is the 5th smallest of 20 ratios: what the true one is not below with 99.4 % (sign test).
    """

    baseline: str
    ratio: LatencyRatio
    at_least: float
    control: LatencyRatio
    control_at_least: float
    slower_by_ms: float
    verdict: Verdict
    reason: str


@dataclass(frozen=True, slots=True)
class ErrorProfile:
    """The error of one output on the golden rows, in one runtime: the largest |candidate − source| of each position.

    A position is an index of the output's last-but-one axis (the timestep of a window) where it has one, else of the
    last; `tolerance` is what the golden vectors allow there at least.
    """

    runtime: str
    output: str
    axis: str
    worst: tuple[float, ...]
    tolerance: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class BundleFindings:
    """One bundle as judged.

    `files` are bytes on disk by name; `reasons` say in sentences why the verdict is not pass; `notes` what else is to
    be known, such as that there was no baseline.
    """

    path: str
    metadata: Metadata
    files: dict[str, int]
    parity: Parity | None
    errors: tuple[ErrorProfile, ...]
    runs: tuple[RuntimeRuns, ...]
    loads: tuple[Load, ...]
    budgets: tuple[Budget, ...]
    regression: Regression | None
    verdict: Verdict
    reasons: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def size_bytes(self) -> int:
        """The whole bundle on disk."""
        return sum(self.files.values())


@dataclass(frozen=True, slots=True)
class Published:
    """One version of a registry, from its own metadata: what was measured when it was compiled, none if it was not."""

    name: str
    version: str
    created: str
    target: str
    latest: bool
    verdict: Verdict
    size_bytes: int
    go_p50_ms: float | None
    go_p99_ms: float | None
    go_peak_memory_bytes: int | None


@dataclass(frozen=True, slots=True)
class Environment:
    """Where it was measured; `throttled` counts the processor's throttling events meanwhile, none where not told."""

    cpu: str
    cores: int
    flags: tuple[str, ...]
    platform: str
    governor: str | None
    load_1m: float
    steal_percent: float
    throttled: int | None
    versions: dict[str, str]


@dataclass(frozen=True, slots=True)
class Findings:
    """What one run of `gate` or `bench` found; with `"compile"`, what bundles say of the day they were made.

    `environment` is none where nothing was measured for these findings: each bundle's metadata says where it was then.
    `decisive` is false for quick runs, which may fail a bundle and never pass one. `together` is the budget on the
    memory of all bundles in one Go process; none for a single bundle, whose own budget says the same.
    """

    schema: str
    created: str
    compiler: str
    command: Literal["gate", "bench", "compile"]
    decisive: bool
    environment: Environment | None
    bundles: tuple[BundleFindings, ...]
    together: Budget | None
    history: tuple[Published, ...]
    verdict: Verdict
    reasons: tuple[str, ...]

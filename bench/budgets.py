"""The budgets of a bundle, and the verdict on each. What cannot be measured is inconclusive, never passed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.metadata import Budget, Measurement, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LATENCY = "latency_p99_ms"
SIZE = "size_mb"
MEMORY = "memory_mb"
CPU = "cpu_percent"
TOGETHER = "memory_together_mb"  # of all bundles in one Go process; a single bundle has no such budget

# Megabytes are 10^6 bytes; the CPU share is of one core at the declared rate.
DEFAULT_LIMITS = {LATENCY: 5.0, SIZE: 50.0, MEMORY: 500.0, CPU: 10.0}
DEFAULT_TOGETHER = 500.0
DECLARED_RATE_PER_S = 10.0
BYTES_PER_MB = 1e6


@dataclass(frozen=True, slots=True)
class Limits:
    """The limit of each budget."""

    latency_p99_ms: float = DEFAULT_LIMITS[LATENCY]
    size_mb: float = DEFAULT_LIMITS[SIZE]
    memory_mb: float = DEFAULT_LIMITS[MEMORY]
    cpu_percent: float = DEFAULT_LIMITS[CPU]


def parse_limits(settings: Iterable[str], latency_p99_ms: float) -> Limits:
    """Return the default limits, `latency_p99_ms` being the model's own, changed by `NAME=NUMBER` settings."""
    return Limits(**changed_by(settings, {**DEFAULT_LIMITS, LATENCY: latency_p99_ms}))


def changed_by(settings: Iterable[str], limits: Mapping[str, float]) -> dict[str, float]:
    """Return `limits` changed by `NAME=NUMBER` settings; InputError where one is no such thing."""
    values = dict(limits)
    for setting in settings:
        name, _, text = setting.partition("=")
        if name not in values:
            raise InputError(f"--budget {setting}: names no budget, expected one of {', '.join(values)} as NAME=NUMBER")
        try:
            values[name] = float(text)
        except ValueError as error:
            raise InputError(f"--budget {setting}: {text!r} is not a number, expected NAME=NUMBER") from error
        if not 0 < values[name] < float("inf"):
            raise InputError(f"--budget {setting}: expected a positive number")
    return values


def judge(limits: Limits, size_bytes: int, runs: Mapping[str, Measurement]) -> tuple[Budget, ...]:
    """Return every budget's verdict; the Go runtime decides, as it is the one that serves."""
    go = runs.get("go")
    size = size_bytes / BYTES_PER_MB
    return (
        _latency(limits.latency_p99_ms, go),
        _plain(SIZE, limits.size_mb, size, "bytes on disk of the bundle"),
        _plain(
            MEMORY,
            limits.memory_mb,
            None if go is None else go.peak_memory_bytes / BYTES_PER_MB,
            "VmHWM of the Go process",
        ),
        _plain(
            CPU,
            limits.cpu_percent,
            None if go is None else 100 * go.cpu_mean_ms / 1e3 * DECLARED_RATE_PER_S,
            f"of one core at {DECLARED_RATE_PER_S:g} predictions/s",
        ),
    )


def overall(verdicts: Iterable[Verdict]) -> Verdict:
    """Return fail if any fails, else inconclusive if any is, else pass; nothing judged is inconclusive."""
    seen = set(verdicts)
    if "fail" in seen:
        return "fail"
    return "pass" if seen == {"pass"} else "inconclusive"


def _latency(limit: float, go: Measurement | None) -> Budget:
    """Pass when p99's bound is within; fail when the model is slow whatever the machine does; else nobody knows."""
    if go is None:
        return Budget(LATENCY, limit, None, "inconclusive", "the Go runtime was not measured")
    if go.p99_upper_ms <= limit:
        return Budget(LATENCY, limit, go.p99_ms, "pass", f"99 % bound of p99 is {go.p99_upper_ms:.3g} ms")
    if go.p50_ms > limit and go.cpu_p50_ms > limit:
        return Budget(
            LATENCY, limit, go.p99_ms, "fail", f"even the median is {go.p50_ms:.3g} ms of {go.cpu_p50_ms:.3g} ms CPU"
        )
    reason = f"bound of p99 is {go.p99_upper_ms:.3g} ms while the median is {go.p50_ms:.3g} ms: the machine is noisy"
    return Budget(LATENCY, limit, go.p99_ms, "inconclusive", reason)


def _plain(name: str, limit: float, measured: float | None, what: str) -> Budget:
    if measured is None:
        return Budget(name, limit, None, "inconclusive", f"{what}: not measured")
    return Budget(name, limit, measured, "pass" if measured <= limit else "fail", what)

"""Where a measurement is taken: processor, cores, load, and the time that the hypervisor took away."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path

from dwcpc.bench.findings import Environment
from dwcpc.compiler.metadata import Machine

# Those that change which kernels onnxruntime picks.
NOTED_FLAGS = ("avx", "avx2", "fma", "f16c", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8", "asimd", "sve")
STAT = Path("/proc/stat")
PROCESSORS = Path("/sys/devices/system/cpu")
CGROUP_STAT = Path("/sys/fs/cgroup/cpu.stat")
STEAL = 7
IDLE = (3, 4)  # and waiting for a disk


@dataclass(frozen=True, slots=True)
class Begun:
    """What is counted from when a measurement begins."""

    ticks: tuple[int, int]
    throttled: int | None

    @classmethod
    def now(cls) -> Begun:
        """Read the counters."""
        return cls(cpu_ticks(), throttling_events())


def cpu_ticks() -> tuple[int, int]:
    """Return (stolen, all) processor ticks since boot; zeros where the system does not tell."""
    fields = _ticks()
    return (fields[STEAL], sum(fields)) if fields else (0, 0)


def busy_ticks() -> int:
    """Return the ticks in which some process ran or the hypervisor had taken the processor; 0 where nobody tells."""
    return sum(ticks for field, ticks in enumerate(_ticks()) if field not in IDLE)


def throttling_events() -> int | None:
    """Count the times that heat slowed a processor or a quota stopped this container, since boot; none if not told."""
    told = [_number(path) for path in sorted(PROCESSORS.glob("cpu[0-9]*/thermal_throttle/core_throttle_count"))]
    told += [int(text) for key, text in _pairs(CGROUP_STAT) if key == "nr_throttled" and text.isdecimal()]
    counts = [count for count in told if count is not None]
    return sum(counts) if counts else None


def describe_machine(before: tuple[int, int]) -> Machine:
    """Describe this machine; `before` is `cpu_ticks()` at the start of the measurement."""
    stolen, total = (now - then for now, then in zip(cpu_ticks(), before, strict=True))
    model, flags = _cpu_info()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return Machine(
        cpu=model,
        cores=os.cpu_count() or 1,
        flags=tuple(flag for flag in NOTED_FLAGS if flag in flags),
        platform=f"{platform.system()} {platform.machine()}",
        load_1m=round(load, 2),
        steal_percent=round(100 * stolen / total, 2) if total else 0.0,
    )


def describe_environment(begun: Begun, versions: dict[str, str]) -> Environment:
    """Describe where it was measured since `begun`, and by what."""
    machine, throttled = describe_machine(begun.ticks), throttling_events()
    known = throttled is not None and begun.throttled is not None
    return Environment(
        cpu=machine.cpu,
        cores=machine.cores,
        flags=machine.flags,
        platform=machine.platform,
        governor=_text(PROCESSORS / "cpu0" / "cpufreq" / "scaling_governor"),
        load_1m=machine.load_1m,
        steal_percent=machine.steal_percent,
        throttled=(throttled or 0) - (begun.throttled or 0) if known else None,
        versions=versions,
    )


def _ticks() -> list[int]:
    """Return user, nice, system, idle, iowait, irq, softirq and steal; nothing where the system does not tell."""
    try:
        fields = [int(text) for text in STAT.read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]]
    except (OSError, ValueError):
        return []
    return fields if len(fields) > STEAL else []


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip() or None
    except OSError:
        return None


def _number(path: Path) -> int | None:
    text = _text(path)
    return int(text) if text is not None and text.isdecimal() else None


def _pairs(path: Path) -> list[tuple[str, str]]:
    lines = (_text(path) or "").splitlines()
    return [(key, text) for key, _, text in (line.partition(" ") for line in lines)]


def _cpu_info() -> tuple[str, set[str]]:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or "unknown", set()
    found: dict[str, str] = {}
    for line in lines:
        key, _, value = line.partition(":")
        found.setdefault(key.strip().lower(), value.strip())
    return found.get("model name", platform.machine()), set((found.get("flags") or found.get("features", "")).split())

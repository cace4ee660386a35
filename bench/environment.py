"""Where a measurement is taken: processor, cores, load, and the time that the hypervisor took away."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from dwcpc.compiler.metadata import Machine

# Those that change which kernels onnxruntime picks.
NOTED_FLAGS = ("avx", "avx2", "fma", "f16c", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8", "asimd", "sve")


def cpu_ticks() -> tuple[int, int]:
    """Return (stolen, all) processor ticks since boot; zeros where the system does not tell."""
    try:
        fields = [int(text) for text in Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]]
    except (OSError, ValueError):
        return 0, 0
    return fields[7], sum(fields)


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

"""The targets that `--target` accepts."""

from __future__ import annotations

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.targets.base import Target
from dwcpc.compiler.targets.cpu_fp32 import CPU_FP32

TARGETS: tuple[Target, ...] = (CPU_FP32,)


def target_named(name: str) -> Target:
    """Return the target of that name; InputError lists the known ones."""
    for target in TARGETS:
        if target.name == name:
            return target
    raise InputError(f"--target is {name!r}, expected one of {', '.join(target.name for target in TARGETS)}")

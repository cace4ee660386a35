"""The targets that `--target` accepts."""

from __future__ import annotations

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.targets.base import Target
from dwcpc.compiler.targets.cpu_auto import CPU_AUTO
from dwcpc.compiler.targets.cpu_fp16 import CPU_FP16
from dwcpc.compiler.targets.cpu_fp32 import CPU_FP32
from dwcpc.compiler.targets.cpu_int8 import CPU_INT8

TARGETS: tuple[Target, ...] = (CPU_FP32, CPU_FP16, CPU_INT8, CPU_AUTO)


def target_named(name: str) -> Target:
    """Return the target of that name; InputError lists the known ones."""
    for target in TARGETS:
        if target.name == name:
            return target
    raise InputError(f"--target is {name!r}, expected one of {', '.join(target.name for target in TARGETS)}")

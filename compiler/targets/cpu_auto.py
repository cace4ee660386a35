"""The fastest of the other targets that passes; where two are as fast, the more precise one."""

from __future__ import annotations

from dwcpc.compiler.targets.base import Target
from dwcpc.compiler.targets.cpu_fp16 import CPU_FP16
from dwcpc.compiler.targets.cpu_fp32 import CPU_FP32
from dwcpc.compiler.targets.cpu_int8 import CPU_INT8

CPU_AUTO = Target(
    name="cpu-auto",
    summary="the fastest of cpu-fp32, cpu-fp16 and cpu-int8 that passes; ties go to the more precise",
    opset=20,
    precisions=(*CPU_FP32.precisions, *CPU_INT8.precisions),
    alternatives=(CPU_FP32, CPU_FP16, CPU_INT8),
)

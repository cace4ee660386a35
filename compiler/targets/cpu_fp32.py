"""float32 everywhere on a CPU: the target whose parity is held to float arithmetic's own noise."""

from __future__ import annotations

from dwcpc.compiler.targets.base import Target

CPU_FP32 = Target(
    name="cpu-fp32",
    summary="float32 arithmetic and storage; equal to the source model within its own rounding noise",
    opset=20,  # the newest that the tracing exporter writes
    precisions=("float32",),
)

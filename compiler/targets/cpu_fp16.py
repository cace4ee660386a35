"""Half the bytes, the same speed: weights are stored in 16 bits and computed with in float32."""

from __future__ import annotations

from dwcpc.compiler.targets.base import Promise, Target

CPU_FP16 = Target(
    name="cpu-fp16",
    summary="weights stored in 16 bits, float32 arithmetic: half the size at the same speed, 60 dB",
    opset=20,
    precisions=("float16 storage", "int16 storage"),
    min_sqnr_db=60.0,
    promise=Promise(size=0.6, latency=1.05),  # small models are mostly graph, which does not shrink
)

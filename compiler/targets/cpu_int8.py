"""Integer products where the model stays the model: each layer gets the precision that its measured noise allows."""

from __future__ import annotations

from dwcpc.compiler.targets.base import Promise, Target

CPU_INT8 = Target(
    name="cpu-int8",
    summary="int8 arithmetic and storage, layer by layer, as far as 30 dB allow: smaller and faster",
    opset=20,
    precisions=(
        "float16 storage",
        "int16 storage",
        "int8 storage",
        "int8",
        "int8, input in 11 bits",
        "int8 state",
        "int8, static range",
    ),
    min_sqnr_db=30.0,
    promise=Promise(size=0.55, latency=1.05),
)

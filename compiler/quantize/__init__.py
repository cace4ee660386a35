"""The quantisation techniques: those that store less, the most exact first, then those that compute in integers."""

from __future__ import annotations

from dwcpc.compiler.quantize.base import Technique
from dwcpc.compiler.quantize.float16_storage import Float16Storage
from dwcpc.compiler.quantize.int8_lstm import Int8Lstm
from dwcpc.compiler.quantize.int8_state import Int8State
from dwcpc.compiler.quantize.int8_storage import Int8Storage
from dwcpc.compiler.quantize.int16_storage import Int16Storage
from dwcpc.compiler.quantize.static_qdq import StaticQdq

TECHNIQUES: tuple[Technique, ...] = (
    Int16Storage(),
    Float16Storage(),
    Int8Storage(),
    Int8State(),
    Int8Lstm(residual=True),
    Int8Lstm(residual=False),
    StaticQdq(),
)

"""What a hand-written script would serve in int8: the plain export after onnxsim, through onnxruntime's own recipe."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx


@dataclass(frozen=True, slots=True)
class Recipe:
    """One way to call `quantize_dynamic`; no options at all are the library's defaults."""

    name: str
    per_channel: bool = False
    reduce_range: bool = False


RECIPES = (
    Recipe("quantize_dynamic, defaults"),
    Recipe("quantize_dynamic, per_channel, reduce_range", per_channel=True, reduce_range=True),
)


def quantized(model: onnx.ModelProto, recipe: Recipe) -> bytes:
    """Return the model as onnxruntime's `quantize_dynamic` writes it."""
    import onnx
    from onnxruntime.quantization import quantize_dynamic

    with tempfile.TemporaryDirectory(prefix="dwcpc-plain-") as name:
        plain, path = Path(name) / "plain.onnx", Path(name) / "int8.onnx"
        onnx.save(model, plain)
        quantize_dynamic(plain, path, per_channel=recipe.per_channel, reduce_range=recipe.reduce_range)
        return path.read_bytes()

"""Erf in float64: `onnx.reference` rounds it to float32."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from onnx.reference.op_run import OpRun


class Erf(OpRun):
    """https://onnx.ai/onnx/operators/onnx__Erf.html."""

    op_domain = ""

    def _run(self, x: NDArray[np.floating]) -> tuple[NDArray[np.floating]]:
        return (np.frompyfunc(math.erf, 1, 1)(x).astype(x.dtype),)

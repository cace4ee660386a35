"""scikit-learn's MinMaxScaler as a step of a pipeline, applied exactly as it does to float32."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dwcpc.compiler.scalers import Float32Array, ScalingStep, stepwise


@dataclass(frozen=True, slots=True)
class MinMaxScaling:
    """y = float32(float64(x) · scale), z = float32(float64(y) + offset), within `limits` where the scaler clips."""

    scale: tuple[float, ...]
    offset: tuple[float, ...]
    limits: tuple[float, float] | None = None

    @property
    def type(self) -> str:
        """scikit-learn's name for it."""
        return "MinMaxScaler"

    @property
    def features(self) -> int:
        """How many features it takes."""
        return len(self.scale)

    @property
    def steps(self) -> tuple[ScalingStep, ...]:
        """What `transform` does, as ONNX operators."""
        steps = ("Mul", np.array(self.scale)), ("Add", np.array(self.offset))
        if self.limits is None:
            return steps
        return (*steps, ("Max", np.array(self.limits[0])), ("Min", np.array(self.limits[1])))

    def transform(self, x: Float32Array) -> Float32Array:
        """Scale float32 `x` of shape [..., features]; NaN and overflow go through."""
        return stepwise(x, self.steps)

"""BatchNormalization outside of training as a scale and an offset: y = a·x + c, a = γ/√(σ² + ε), c = β − a·μ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dwcpc.compiler.passes.constants import constant_of, input_of

if TYPE_CHECKING:
    import onnx_ir as ir
    from numpy.typing import NDArray

CHANNEL_AXIS = 1
DEFAULT_EPSILON = 1e-5
"""ONNX's own, where a node has none."""


@dataclass(frozen=True, slots=True)
class Affine:
    """A BatchNormalization's statistics in float64; `a` and `c` are what it does."""

    gamma: NDArray[np.float64]
    beta: NDArray[np.float64]
    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]

    @property
    def a(self) -> NDArray[np.float64]:
        """Return the scale of each channel."""
        return self.gamma / self.deviation

    @property
    def c(self) -> NDArray[np.float64]:
        """Return the offset of each channel."""
        return self.beta - self.a * self.mean


def affine_of(node: ir.Node) -> Affine | str:
    """Return what a BatchNormalization does, or why that is not known before a run."""
    if node.attributes.get_int("training_mode", 0) or len([value for value in node.outputs if value.name]) > 1:
        return "it is in training mode"
    found = [constant_of(input_of(node, index)) for index in range(1, 5)]
    constants = [each.astype(np.float64) for each in found if each is not None]
    if len(constants) < 4:
        return "a weight or statistic is missing or computed at run time"
    gamma, beta, mean, variance = constants
    with np.errstate(invalid="ignore"):
        deviation = np.sqrt(variance + node.attributes.get_float("epsilon", DEFAULT_EPSILON))
    affine = Affine(gamma, beta, mean, deviation)
    if not (deviation > 0).all() or not all(np.isfinite(each).all() for each in (affine.a, affine.c)):
        return "its statistics are not finite or its variance is not positive"
    return affine

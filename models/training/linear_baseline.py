"""The best linear forecast of the same window: ridge regression on all of its scaled features, each at each step.

    W = argmin ‖A·W − Y‖² + λ·‖W‖²,   A = [x, 1] of each window

by the normal equations; λ, which the intercept is spared, is the one of `RIDGES` that validation likes best.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dwcpc.compiler.sources.onnx_model.one_thread import one_blas_thread

RIDGES: Final = (1e-2, 1.0, 1e2, 1e4)
"""Above 0, as features that are sums of others would make the matrix singular."""
Known: TypeAlias = tuple[NDArray[np.floating], NDArray[np.floating]]
"""Windows and their targets."""
CHUNK: Final = 4096  # windows whose float64 copy is held at once


@dataclass(frozen=True, slots=True)
class Linear:
    """`weights` float64 [steps·features + 1, targets], the last row being the intercept."""

    weights: NDArray[np.float64]
    ridge: float

    def predict(self, x: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return [windows, targets] of scaled windows [windows, steps, features]."""
        return np.concatenate([_design(part) @ self.weights for part in _parts(x)])


def fit_linear(
    x: NDArray[np.floating], y: NDArray[np.floating], validation: Known, ridges: tuple[float, ...] = RIDGES
) -> Linear:
    """Fit scaled windows `x` to scaled targets `y` [windows, targets] and choose λ on the scaled `validation`."""
    return fit_linear_to_parts([(x, y)], validation, ridges)


@one_blas_thread()  # several wait for each other on a busy machine
def fit_linear_to_parts(parts: Iterable[Known], validation: Known, ridges: tuple[float, ...] = RIDGES) -> Linear:
    """Return what `fit_linear` does of all `parts` together, of which one at a time is held."""
    width = int(np.prod(validation[0].shape[1:])) + 1
    gram, moment = np.zeros((width, width)), np.zeros((width, validation[1].shape[1]))
    for x, wanted in (pair for part in parts for pair in zip(*map(_parts, part), strict=True)):
        design = _design(x)
        gram += design.T @ design
        moment += design.T @ wanted.astype(np.float64)
    fits = [Linear(_solved(gram, moment, ridge), ridge) for ridge in ridges]
    errors = [float(np.square(fit.predict(validation[0]) - validation[1]).mean()) for fit in fits]
    return fits[int(np.argmin(errors))]


def _solved(gram: NDArray[np.float64], moment: NDArray[np.float64], ridge: float) -> NDArray[np.float64]:
    penalty = np.full(len(gram), ridge)
    penalty[-1] = 0.0
    weights = np.linalg.solve(gram + np.diag(penalty), moment)
    return weights.astype(np.float64)


def _design(x: NDArray[np.floating]) -> NDArray[np.float64]:
    flat = x.reshape(len(x), -1).astype(np.float64)
    return np.concatenate([flat, np.ones((len(flat), 1))], axis=1)


def _parts(values: NDArray[np.floating]) -> list[NDArray[np.floating]]:
    return [values[start : start + CHUNK] for start in range(0, len(values), CHUNK)]

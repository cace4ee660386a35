"""Rounding weights to int8 rows so that the products stay, not the weights (OBQ, GPTQ).

For a row w of weights, inputs u and H = E[u·uᵀ] + D, the rounded row q·s should minimise (w − q·s)·H·(w − q·s)ᵀ.
Columns are rounded one after the other; with U the upper Cholesky factor of H⁻¹, the error of column j is made up for
by those behind it:

    e = (w_j − q_j·s_j) / U_jj,     w_k ← w_k − e·U_jk   for k > j

(Frantar et al., GPTQ, 2022, algorithm 1.) D = diag(variance of the rounding of each activation): what
the integer product adds by itself is not to be amplified. Scales are chosen by the same error, per row and operand,
among clipped ranges; and each pair of neighbours is kept from saturating, except where the weights are only stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dwcpc.compiler.quantize.saturation import LARGEST_WEIGHT, PAIR_LIMIT, room_beside

if TYPE_CHECKING:
    from numpy.typing import NDArray

DAMPING = 1e-3  # of H's mean diagonal: keeps H⁻¹ finite where calibration rows leave a direction empty
CLIPPED_TO = (1.0, 0.9, 0.8, 0.7, 0.62, 0.55)  # of the range that no single weight leaves
SMALLEST_SCALE = 1e-12
BLOCK = 32  # columns; 16 to 128 differ little (25 times faster than one after the other at 1024 × 384)


@dataclass(frozen=True, slots=True)
class Columns:
    """The widths of the operands that the columns belong to, and whether pairs of neighbours share a 16-bit sum."""

    operands: tuple[int, ...]
    paired: bool = True

    @property
    def full(self) -> float:
        """The whole number that the largest weight of a row becomes where nothing is clipped."""
        return PAIR_LIMIT / 2 if self.paired else LARGEST_WEIGHT

    @property
    def second(self) -> NDArray[np.bool_]:
        """The columns whose neighbour before them shares a sum with them; pairs start where an operand starts."""
        return np.concatenate([(np.arange(width) % 2 == 1) & self.paired for width in self.operands])


@dataclass(frozen=True, slots=True)
class Rounded:
    """`q` [rows, columns] whole numbers, `scale` [rows, operands], and the squared error [rows] of the products."""

    q: NDArray[np.float64]
    scale: NDArray[np.float64]
    error: NDArray[np.float64]


def second_moment(inputs: NDArray[np.floating], rounding_variance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return H [columns, columns] of inputs [n, columns], with the variance that their own rounding adds."""
    wide = inputs.astype(np.float64)
    moment: NDArray[np.float64] = wide.T @ wide / len(wide)
    return moment + np.diag(rounding_variance)


def rounded(
    weights: NDArray[np.float64], operands: tuple[int, ...], moment: NDArray[np.float64], *, paired: bool = True
) -> Rounded:
    """Round `weights` [rows, columns], whose columns belong to operands of these widths, each with a scale of its own.

    Scales are improved one operand after the other, the last one (of a recurrent layer its recurrence) first. Weights
    that no integer product will meet need not be `paired`, and use all 8 bits.
    """
    factor = _upper_factor(moment)
    columns = Columns(operands, paired)
    clip = np.ones((len(weights), len(operands)))
    best = _at(weights, columns, clip, moment, factor)
    for operand in reversed(range(len(operands))):
        for share in CLIPPED_TO[1:]:
            tried = clip.copy()
            tried[:, operand] = share
            found = _at(weights, columns, tried, moment, factor)
            better = found.error < best.error
            clip[better] = tried[better]
            best = Rounded(
                np.where(better[:, None], found.q, best.q),
                np.where(better[:, None], found.scale, best.scale),
                np.minimum(found.error, best.error),
            )
    return best


def rounded_to_nearest(weights: NDArray[np.float64], operands: tuple[int, ...], moment: NDArray[np.float64]) -> Rounded:
    """Round each weight for itself: what compensation is compared with."""
    return _at(weights, Columns(operands), np.ones((len(weights), len(operands))), moment, None)


def _at(
    weights: NDArray[np.float64],
    columns: Columns,
    clip: NDArray[np.float64],
    moment: NDArray[np.float64],
    factor: NDArray[np.float64] | None,
) -> Rounded:
    starts = np.cumsum((0, *columns.operands[:-1]))
    largest = np.maximum.reduceat(np.abs(weights), starts, axis=1)
    scale = np.maximum(largest * clip / columns.full, SMALLEST_SCALE)
    by_column = np.repeat(scale, columns.operands, axis=1)
    q = _compensated(weights, by_column, columns.second, factor)
    error = weights - q * by_column
    return Rounded(q, scale, np.einsum("ij,ij->i", error @ moment, error))


def _compensated(
    weights: NDArray[np.float64],
    scale: NDArray[np.float64],
    second: NDArray[np.bool_],
    factor: NDArray[np.float64] | None,
) -> NDArray[np.float64]:
    """Round column by column; `second` tells the columns whose neighbour before them shares a sum with them.

    Columns are rounded in blocks, and a block's errors reach the columns behind it in one product.
    """
    left, step = np.array(weights.T, order="C"), np.array(scale.T, order="C")  # copies; a column is contiguous
    q, errors = np.zeros_like(left), np.zeros_like(left)
    for start in range(0, len(left), BLOCK):
        stop = min(start + BLOCK, len(left))
        for j in range(start, stop):
            low, high = room_beside(q[j - 1]) if second[j] else (-LARGEST_WEIGHT, LARGEST_WEIGHT)
            if factor is not None:
                left[j] -= factor[start:j, j] @ errors[start:j]
            q[j] = np.clip(np.round(left[j] / step[j]), low, high)
            if factor is not None:
                errors[j] = (left[j] - q[j] * step[j]) / factor[j, j]
        if factor is not None:
            left[stop:] -= factor[start:stop, stop:].T @ errors[start:stop]
    return q.T


def _upper_factor(moment: NDArray[np.float64]) -> NDArray[np.float64]:
    damped = moment + np.eye(len(moment)) * max(DAMPING * float(np.mean(np.diag(moment))), SMALLEST_SCALE)
    lower: NDArray[np.float64] = np.linalg.cholesky(np.linalg.inv(damped))
    return lower.T

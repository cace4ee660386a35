"""The rows on which two models are compared, in groups of like magnitude: each group has a tolerance of its own.

All rows are in the model's input units. Drawn rows are `center + scale · z · magnitude`, half of them smooth in time
(an AR(1) series along the first axis, as measurements are), half independent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.compiler.scalers import Scaler

TYPICAL = "typical"
CALIBRATION = "calibration"
WIDE = "wide"
EXTREME = "extreme"
SPECIAL = "special"
ZERO = "zero"
THRESHOLD = "threshold"
NON_FINITE = "non_finite"
SHORT = "short_history"  # of models that compute their features
# Of estimators alone: rows on the splits of trees, where the label changes, and with missing values.
BOUNDARY = "boundary"
LABEL_CHANGE = "label_change"
MISSING = "missing"

IQR_OF_NORMAL = 1.349  # interquartile range of a standard normal; RobustScaler's scale is an IQR
AR_COEFFICIENT = 0.9
WIDE_MAGNITUDE = 10.0
EXTREME_MAGNITUDE = 1e4
NON_FINITE_ROWS = 64
SMALLEST_DENORMAL = np.float32(1e-45)
# Shares of the finite rows that are drawn; the rest lies at the threshold, where there is one.
SHARES = {TYPICAL: 0.5, WIDE: 0.125, EXTREME: 0.0625, SPECIAL: 0.0625, ZERO: 0.015625}


@dataclass(frozen=True, slots=True)
class CaseGroup:
    """Rows of one kind: float32 [rows, *input shape]."""

    name: str
    rows: NDArray[np.float32]


def draw_cases(
    shape: tuple[int, ...], scaler: Scaler, rows: int, seed: int, calibration: NDArray[np.float32] | None = None
) -> tuple[CaseGroup, ...]:
    """Return the groups for `rows` rows in all; those at the threshold and the non-finite ones are made elsewhere.

    `calibration` [n, *shape], where given, takes the place of the typical rows (all of it, at most their share).
    """
    rng = np.random.default_rng(seed)
    count = {name: max(1, int(rows * share)) for name, share in SHARES.items()}
    groups = []
    if calibration is None:
        groups.append(CaseGroup(TYPICAL, _drawn(rng, shape, scaler, count[TYPICAL], 1.0)))
    else:
        chosen = rng.permutation(len(calibration))[: count[TYPICAL]]
        groups.append(CaseGroup(CALIBRATION, np.ascontiguousarray(calibration[chosen])))
    groups.append(CaseGroup(WIDE, _drawn(rng, shape, scaler, count[WIDE], WIDE_MAGNITUDE)))
    groups.append(CaseGroup(EXTREME, _drawn(rng, shape, scaler, count[EXTREME], EXTREME_MAGNITUDE)))
    groups.append(CaseGroup(SPECIAL, _special(rng, shape, scaler, count[SPECIAL])))
    groups.append(CaseGroup(ZERO, _zeros(rng, shape, scaler, count[ZERO])))
    return tuple(groups)


def non_finite_cases(typical: NDArray[np.float32], seed: int) -> CaseGroup:
    """Return rows with one or many NaN, +Inf and −Inf among ordinary values."""
    rng = np.random.default_rng(seed)
    rows = np.resize(typical, (NON_FINITE_ROWS, *typical.shape[1:])).copy()
    flat = rows.reshape(NON_FINITE_ROWS, -1)
    for index, row in enumerate(flat):
        value = (np.nan, np.inf, -np.inf)[index % 3]
        places = rng.permutation(row.size)[: 1 if index % 2 else max(1, row.size // 4)]
        row[places] = value
    return CaseGroup(NON_FINITE, rows)


def _drawn(
    rng: np.random.Generator, shape: tuple[int, ...], scaler: Scaler, rows: int, magnitude: float
) -> NDArray[np.float32]:
    z = rng.standard_normal((rows, *shape))
    smooth = rows // 2
    if len(shape) > 1:
        for step in range(1, shape[0]):
            z[:smooth, step] = AR_COEFFICIENT * z[:smooth, step - 1] + (1 - AR_COEFFICIENT**2) ** 0.5 * z[:smooth, step]
    spread = 1 / IQR_OF_NORMAL if scaler.type == "RobustScaler" else 1.0
    return _in_input_units(z * spread * magnitude, scaler)


def _in_input_units(z: NDArray[np.float64], scaler: Scaler) -> NDArray[np.float32]:
    limit = np.finfo(np.float32).max
    raw = np.array(scaler.center) + np.array(scaler.scale) * z
    return np.clip(raw, -limit, limit).astype(np.float32)


def _special(rng: np.random.Generator, shape: tuple[int, ...], scaler: Scaler, rows: int) -> NDArray[np.float32]:
    """Rows constant in time, with one value or channel far out, at the center, and there but for denormals."""
    width = shape[-1]
    made = np.empty((rows, *shape), np.float32)
    for index in range(rows):
        z = np.zeros(shape)
        kind = index % 5
        if kind == 0:
            z += rng.normal(size=width)
        elif kind == 1:
            z.reshape(-1)[rng.integers(z.size)] = rng.choice((-5.0, 5.0))
        elif kind == 2:
            z[..., rng.integers(width)] = rng.choice((-3.0, 3.0))
        made[index] = _in_input_units(z, scaler)
        if kind == 3:
            made[index] += SMALLEST_DENORMAL * np.sign(rng.normal(size=shape)).astype(np.float32)
    return made


def _zeros(rng: np.random.Generator, shape: tuple[int, ...], scaler: Scaler, rows: int) -> NDArray[np.float32]:
    """Ordinary rows in which some values, in the last ones nearly all, are +0 or −0: what lost telemetry looks like."""
    made = _drawn(rng, shape, scaler, rows, 1.0)
    for index, row in enumerate(made):
        lost = rng.random(shape) < (index + 1) / rows
        row[lost] = np.where(rng.random(shape) < 0.5, np.float32(-0.0), np.float32(0.0))[lost]
    return made

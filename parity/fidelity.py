"""How far a model of reduced precision may be from its source: by signal-to-noise, row by row and in its decisions.

float32 parity asks for the source's own rounding noise (`tolerance.py`); a model whose weights were rounded on
purpose cannot have that. Its target promises a signal-to-quantisation-noise ratio instead, over a group of rows, in the
network's own units (outputs divided by the target scaler's scale), the signal taken about each channel's mean:

    SQNR = 10·log10( Σ (f64 − mean)² / Σ (answer − f64)² )  ≥  floor of the group

From the floor follow, with ε = √(mean signal power) · 10^(−floor/20) and a_i = max(1, noise_i / q90(noise)), how much
more than most the source itself amplifies float32 rounding on row i:

    rms error of row i        ≤  8 · ε · a_i
    |error| of one value      ≤ 64 · ε · a_i      errors are heavy-tailed over the timesteps: 29 ε was seen at 33 dB
    |error| of a score S      ≤  √S·ε·a_i + (ε·a_i)²     of the 2·√S·ε + ε² that Cauchy–Schwarz allows

Rows that no training set holds are amplified by the rounding of weights as well: those ten times as wide as typical ones
have a floor 10 dB lower, those 10⁴ times as wide one 20 dB lower.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dwcpc.parity.cases import EXTREME, WIDE
from dwcpc.parity.tolerance import as_channels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.parity.runners.base import Values

ROW_FACTOR = 8.0
PEAK_FACTOR = 64.0
AMPLIFIED_BEYOND = 0.9  # quantile of the source's noise
LOWER_FLOOR_DB = {WIDE: 10.0, EXTREME: 20.0}
LARGEST_SQNR_DB = 200.0  # shown where there is no noise at all
TINY = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one group may lose: its floor, ε in network units, a_i [rows], and each channel's unit [channels]."""

    floor_db: float
    epsilon: float
    amplification: NDArray[np.float64]
    unit: NDArray[np.float64]

    @property
    def by_value(self) -> NDArray[np.float64]:
        """The largest error [rows, channels] of a single value, in output units."""
        allowed: NDArray[np.float64] = PEAK_FACTOR * self.epsilon * self.amplification[:, None] * self.unit
        return allowed

    @property
    def by_row(self) -> NDArray[np.float64]:
        """The largest root-mean-square error [rows] of a row, in network units."""
        allowed: NDArray[np.float64] = ROW_FACTOR * self.epsilon * self.amplification
        return allowed

    @property
    def insensitive(self) -> NDArray[np.bool_]:
        """Which rows the source does not amplify more than others."""
        return np.asarray(self.amplification <= 1.0)

    def of_score(self, score: NDArray[np.floating]) -> NDArray[np.float64]:
        """The largest error [rows] of scores [rows]."""
        error = self.epsilon * self.amplification
        allowed: NDArray[np.float64] = np.sqrt(np.maximum(score, 0)) * error + error**2
        return allowed


def allowance(
    group: str, f64: NDArray[np.floating], noise: NDArray[np.float64], unit: NDArray[np.float64] | None, floor_db: float
) -> Allowance:
    """Return what `group` may lose at the target's `floor_db`; `noise` [rows] is the source's own, of any unit."""
    units = np.ones(as_channels(f64).shape[-1]) if unit is None else unit
    floor = floor_db - LOWER_FLOOR_DB.get(group, 0.0)
    epsilon = float(np.sqrt(np.mean(_signal(f64, units) ** 2))) * 10 ** (-floor / 20)
    usual = max(float(np.quantile(noise, AMPLIFIED_BEYOND)), TINY)
    return Allowance(floor, epsilon, np.maximum(1.0, noise / usual), units)


def sqnr_db(f64: NDArray[np.floating], answer: Values | NDArray[np.floating], unit: NDArray[np.float64]) -> float:
    """Return the signal-to-quantisation-noise ratio in dB; −200 where the answer is no number, at most 200."""
    error = (as_channels(answer) - as_channels(f64)) / unit
    signal, noise = float((_signal(f64, unit) ** 2).sum()), float((error**2).sum())
    if not np.isfinite(noise):
        return -LARGEST_SQNR_DB
    ratio = 10 * np.log10(max(signal, TINY) / max(noise, TINY))
    return float(np.clip(ratio, -LARGEST_SQNR_DB, LARGEST_SQNR_DB))


def row_rms(f64: NDArray[np.floating], answer: Values, unit: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each row's root-mean-square error [rows] in network units."""
    error = (as_channels(answer) - as_channels(f64)) / unit
    rms: NDArray[np.float64] = np.sqrt((error.reshape(len(error), -1) ** 2).mean(axis=1))
    return rms


def _signal(f64: NDArray[np.floating], unit: NDArray[np.float64]) -> NDArray[np.float64]:
    channels = as_channels(f64) / unit
    signal: NDArray[np.float64] = channels - channels.reshape(-1, channels.shape[-1]).mean(axis=0)
    return signal

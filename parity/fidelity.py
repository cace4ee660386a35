"""How far a model of reduced precision may be from its source: by signal-to-noise, row by row and in its decisions.

float32 parity asks for the source's own rounding noise (`tolerance.py`); a model whose weights were rounded on
purpose cannot have that. Its target promises a signal-to-quantisation-noise ratio instead, over a group of rows, in the
network's own units (outputs divided by the target scaler's scale), the signal taken about each channel's mean:

    SQNR = 10·log10( Σ_i (f64_i − mean)² / Σ_i ((answer_i − f64_i) / a_i)² )  ≥  floor of the group

a_i = max(1, noise_i / q90(noise)) is how much more than on nine rows of ten the source amplifies its own float32
rounding on row i. Without it one chaotic row decides: in 1,024 rows one with a = 209 held 99 % of the noise of 16-bit
weights, 51 dB where other draws had 72. The plain ratio stands in the check's note. From the floor follow, with
ε = √(mean signal power) · 10^(−floor/20):

    rms error of row i        ≤  8 · ε · a_i
    |error| of one value      ≤ 64 · ε · a_i      errors are heavy-tailed over the timesteps: 29 ε was seen at 33 dB
    |error| of a score S      ≤  2·√S·e + e²      with e = 8 · ε · a_i, as Cauchy–Schwarz has it
    a decision may flip within   √S·e + e²        with e = ε · a_i, which is 2 % of a threshold of 0.3 at 30 dB

Where the network answers the score itself, its error is that of a value, and a decision may flip within ε · a_i. The
signal of every group is then that of the ordinary rows: those at the threshold have one score, and so no signal at all.

The promise is about representative rows. Few rows made to be hard (special, zero, with missing values or a short
history, at the threshold) have a floor 3 dB lower. On rows that no training set holds the rounding of weights is
amplified as well: those ten times as wide as typical ones have a floor 10 dB lower, those 10⁴ times as wide one 20 dB
lower.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dwcpc.parity.cases import EXTREME, MISSING, SHORT, SPECIAL, THRESHOLD, WIDE, ZERO
from dwcpc.parity.tolerance import as_channels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.parity.runners.base import Values

ROW_FACTOR = 8.0
PEAK_FACTOR = 64.0
AMPLIFIED_BEYOND = 0.9  # quantile of the source's noise
LOWER_FLOOR_DB = {
    SPECIAL: 3.0,
    ZERO: 3.0,
    SHORT: 3.0,
    MISSING: 3.0,
    THRESHOLD: 3.0,
    WIDE: 10.0,
    EXTREME: 20.0,
}
BOOTSTRAPS = 400
CONFIDENCE = 0.95
LARGEST_SQNR_DB = 200.0  # shown where there is no noise at all
TINY = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one group may lose: its floor, the power of its signal, a_i [rows], and each channel's unit [channels].

    `answers_score` says that what the network answers is the score, which otherwise is a mean of squared errors.
    """

    floor_db: float
    signal: float
    amplification: NDArray[np.float64]
    unit: NDArray[np.float64]
    answers_score: bool = False

    @property
    def epsilon(self) -> float:
        """ε in network units."""
        return float(np.sqrt(self.signal)) * 10 ** (-self.floor_db / 20)

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
        if self.answers_score:
            return self.by_value[:, 0]
        allowed: NDArray[np.float64] = 2 * np.sqrt(np.maximum(score, 0)) * self.by_row + self.by_row**2
        return allowed

    def of_decision(self, score: NDArray[np.floating]) -> NDArray[np.float64]:
        """How far from the threshold [rows] a score [rows] may lie and its decision still flip."""
        error = self.epsilon * self.amplification
        if self.answers_score:
            return error
        allowed: NDArray[np.float64] = np.sqrt(np.maximum(score, 0)) * error + error**2
        return allowed


def allowance(
    group: str,
    f64: NDArray[np.floating],
    noise: NDArray[np.float64],
    unit: NDArray[np.float64] | None,
    floor_db: float,
    *,
    score_signal: float | None = None,
) -> Allowance:
    """Return what `group` may lose at the target's `floor_db`; `noise` [rows] is the source's own, of any unit.

    `score_signal` is that of the ordinary rows, where the network answers the score itself.
    """
    units = np.ones(as_channels(f64).shape[-1]) if unit is None else unit
    floor = floor_db - LOWER_FLOOR_DB.get(group, 0.0)
    signal = signal_power(f64, units) if score_signal is None else score_signal
    usual = max(float(np.quantile(noise, AMPLIFIED_BEYOND)), TINY)
    return Allowance(floor, signal, np.maximum(1.0, noise / usual), units, answers_score=score_signal is not None)


def plain_sqnr_db(f64: NDArray[np.floating], answer: Values, allowed: Allowance) -> float:
    """Return the ratio in dB with every row counting alike; −200 where an answer is no number, at most 200."""
    return _decibels(allowed.signal, float(np.mean(row_rms(f64, answer, allowed.unit) ** 2)))


def sqnr_db(f64: NDArray[np.floating], answer: Values, allowed: Allowance) -> float:
    """Return the signal-to-quantisation-noise ratio in dB; −200 where an answer is no number, at most 200."""
    return _decibels(allowed.signal, float(np.mean(_noise_power(f64, answer, allowed))))


def sqnr_lower_db(f64: NDArray[np.floating], answer: Values, allowed: Allowance, seed: int) -> float:
    """Return what the SQNR of other rows like these is not below, with 95 % confidence: a bootstrap over the rows."""
    power = _noise_power(f64, answer, allowed)
    if not np.isfinite(power).all():
        return -LARGEST_SQNR_DB
    drawn = np.random.default_rng(seed).integers(len(power), size=(BOOTSTRAPS, len(power)))
    return _decibels(allowed.signal, float(np.quantile(power[drawn].mean(axis=1), CONFIDENCE)))


def row_rms(f64: NDArray[np.floating], answer: Values, unit: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each row's root-mean-square error [rows] in network units."""
    error = (as_channels(answer) - as_channels(f64)) / unit
    rms: NDArray[np.float64] = np.sqrt((error.reshape(len(error), -1) ** 2).mean(axis=1))
    return rms


def _noise_power(f64: NDArray[np.floating], answer: Values, allowed: Allowance) -> NDArray[np.float64]:
    power: NDArray[np.float64] = (row_rms(f64, answer, allowed.unit) / allowed.amplification) ** 2
    return power


def _decibels(signal: float, noise: float) -> float:
    if not np.isfinite(noise):
        return -LARGEST_SQNR_DB
    ratio = 10 * np.log10(max(signal, TINY) / max(noise, TINY))
    return float(np.clip(ratio, -LARGEST_SQNR_DB, LARGEST_SQNR_DB))


def signal_power(f64: NDArray[np.floating], unit: NDArray[np.float64] | float = 1.0) -> float:
    """Return the mean square of an output about each channel's mean, in network units."""
    channels = as_channels(f64) / unit
    return float(np.mean((channels - channels.reshape(-1, channels.shape[-1]).mean(axis=0)) ** 2))

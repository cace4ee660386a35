"""How far a compiled model may be from its source, and still be that model.

Recurrent models amplify rounding on a few rows a hundredfold, so one number for all rows would be a false alarm on
those or blind on the others. The source framework's own rounding noise is therefore sampled row by row: in float32 as
it stands, and with the scaled input moved by one unit in the last place, several times. With σ the spread of the
float64 reference of each channel, and the error and noise of a row its largest |Δ|/σ:

    noise_i      = largest over the samples of |f32 − f64| / σ, on row i
    tolerance_i  = σ · max(1e-5, 4 · q99(noise), 4 · noise_i)      for row i
    bulk         = σ · max(1e-5, 4 · q99(noise))                   for rows that are not sensitive: the golden ones
    noise level  : median(error) ≤ max(1e-5, 4 · median(noise of the unmoved sample))

σ is at least 2⁻²³ · max|f64| / 1e-5, because a float32 output is itself rounded by that much. Channels share the noise
(relative to σ) and not the tolerance, as they have different units. On 20,000 rows of the real consensus autoencoder
onnxruntime's largest error was 0.48 of the tolerance, and its median error 1.0 to 1.5 times the median noise.

Where the source has no float64, the reference f is its unmoved float32 sample, and the moved ones alone are the noise,
|moved − f| / σ: both sides of that difference round, as both sides of |candidate − f| do. The formulas stay the same,
with the first moved sample in the place of the unmoved one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.parity.runners.base import Values

SPREAD_FACTOR = 1e-5
NOISE_FACTOR = 4.0
BULK_QUANTILE = 0.99
FLOAT32_ULP = 2.0**-23
TINY = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True, slots=True)
class Noise:
    """One output on one group of rows: `spread` σ [channels], `rows` noise_i [rows], and the median `level`."""

    spread: NDArray[np.float64]
    rows: NDArray[np.float64]
    level: float

    @property
    def bulk(self) -> NDArray[np.float64]:
        """The tolerance [channels] of rows that are not sensitive."""
        return self.spread * self._bulk_factor

    @property
    def by_row(self) -> NDArray[np.float64]:
        """The tolerance [rows, channels]."""
        factor = np.maximum(self._bulk_factor, NOISE_FACTOR * self.rows)
        tolerance: NDArray[np.float64] = factor[:, None] * self.spread
        return tolerance

    @property
    def insensitive(self) -> NDArray[np.bool_]:
        """Which rows [rows] the bulk tolerance is meant for."""
        return np.asarray(NOISE_FACTOR * self.rows <= self._bulk_factor)

    @property
    def _bulk_factor(self) -> float:
        return max(SPREAD_FACTOR, NOISE_FACTOR * float(np.quantile(self.rows, BULK_QUANTILE)))


def noise_of(f64: NDArray[np.floating], samples: Sequence[NDArray[np.floating]]) -> Noise:
    """Return the noise of one output from its reference and float32 `samples`; the first makes the level."""
    spread = spread_of(f64)
    by_sample = [relative_error(f64, sample, spread) for sample in samples]
    return Noise(spread, np.max(by_sample, axis=0), float(np.median(by_sample[0])))


def spread_of(f64: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return σ [channels] over all other axes; outputs [rows] have one channel."""
    columns = as_channels(f64).reshape(-1, as_channels(f64).shape[-1])
    floor = FLOAT32_ULP * np.abs(columns).max(axis=0) / SPREAD_FACTOR
    spread: NDArray[np.float64] = np.maximum.reduce([columns.std(axis=0), floor, np.full_like(floor, TINY)])
    return spread


def relative_error(f64: NDArray[np.floating], candidate: Values, spread: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the largest |candidate − f64| / σ of each row [rows]."""
    error = np.abs(as_channels(candidate) - as_channels(f64)) / spread
    largest: NDArray[np.float64] = error.reshape(len(f64), -1).max(axis=1)
    return largest


def as_channels(values: NDArray[np.floating] | Values) -> NDArray[np.float64]:
    """Return float64 [rows, …, channels]; outputs [rows] become [rows, 1]."""
    wide = values.astype(np.float64)
    return wide[:, None] if wide.ndim == 1 else wide

"""A source model behind its features, which Python's executor computes in float64: what a graph is held against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dwcpc.parity.runners.estimator_source import EstimatorSource

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.compiler.features.use import FeatureUse
    from dwcpc.compiler.sources.base import Precision
    from dwcpc.parity.runners.source import SourceModel


@dataclass(frozen=True, slots=True)
class WindowSource:
    """Rows are raw windows, float32 [windows, samples, columns]."""

    inner: SourceModel | EstimatorSource
    use: FeatureUse

    def rows(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the model's rows: the features of `windows`, rounded to float32 once."""
        return self.use.rows(windows)

    def run(self, windows: NDArray[np.float32], precision: Precision = "float64") -> dict[str, NDArray[Any]]:
        """Return every output of the bundle, of windows that are asked."""
        return self.inner.run(self.rows(windows), precision)

    def scaled(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what the model itself is given."""
        return self.inner.scaled(self.rows(windows))

    def is_asked(self, windows: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Return which windows [windows] the model answers: where it refuses what is not finite, by their features."""
        rows = self.rows(windows)
        if isinstance(self.inner, EstimatorSource):
            return self.inner.is_asked(rows)
        finite = np.isfinite(rows) & np.isfinite(self.inner.scaled(rows))
        return np.asarray(finite.reshape(len(rows), -1).all(axis=1))

"""The source model as a reference: scaler, network, score and inverse target scaler, without the compiled graph.

Nothing here is shared with `compiler.assemble`: this is the other side of the comparison.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.compiler.scalers import Scaler
    from dwcpc.compiler.sources.base import Network, Precision

SCORE = "anomaly_score"


@dataclass(frozen=True, slots=True)
class SourceModel:
    """A network and its scalers; `scaler` is none where the caller scales. Rows are float32 in the bundle's units."""

    network: Network
    scaler: Scaler | None
    target_scaler: Scaler | None

    def run(self, rows: NDArray[np.float32], precision: Precision) -> dict[str, NDArray[np.floating]]:
        """Return every output of the bundle as the source computes it, in `precision` after the float32 scaling."""
        scaled = rows if self.scaler is None else self.scaler.transform(rows)
        network_output = self.network.predict(scaled, precision)
        outputs = {self.network.spec.output_name: self._unscaled(network_output, precision)}
        if self.network.spec.task == "autoencoder":
            error = scaled.astype(np.float64) - network_output
            score = (error**2).mean(axis=tuple(range(1, error.ndim)))
            outputs[SCORE] = score.astype(network_output.dtype)
        return outputs

    def score(self, rows: NDArray[np.float32]) -> NDArray[np.floating]:
        """Return the anomaly score of an autoencoder, in float32."""
        return self.run(rows, "float32")[SCORE]

    def _unscaled(self, output: NDArray[np.floating], precision: Precision) -> NDArray[np.floating]:
        if self.target_scaler is None:
            return output
        if precision == "float32":
            return self.target_scaler.inverse_transform(output.astype(np.float32))
        unscaled: NDArray[np.floating] = output * np.array(self.target_scaler.scale) + np.array(
            self.target_scaler.center
        )
        return unscaled

"""The source model as a reference: scaler, network, score and inverse target scaler, without the compiled graph.

Nothing here is shared with `compiler.assemble`: this is the other side of the comparison.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dwcpc.compiler.signature import SCORE_OUTPUT
from dwcpc.parity.tolerance import FLOAT32_ULP

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.compiler.scalers import Scaler
    from dwcpc.compiler.sources.base import Network, Precision

MOVED_SAMPLES = 3  # with them, a row's noise was within a factor 2 of onnxruntime's error on every row tried


@dataclass(frozen=True, slots=True)
class SourceModel:
    """A network and its scalers; `scaler` is none where the caller scales. Rows are float32 in the bundle's units."""

    network: Network
    scaler: Scaler | None
    target_scaler: Scaler | None

    def run(self, rows: NDArray[np.float32], precision: Precision) -> dict[str, NDArray[np.floating]]:
        """Return every output of the bundle as the source computes it, in `precision` after the float32 scaling."""
        scaled = self.scaled(rows)
        return self._outputs(scaled, self.network.predict(scaled, precision), precision)

    def rounding_samples(self, rows: NDArray[np.float32], seed: int) -> list[dict[str, NDArray[np.floating]]]:
        """Return the outputs in float32 as they are, then with each scaled value moved by one unit in the last place.

        The score of a moved sample is still taken against the scaled values as they are.
        """
        rng = np.random.default_rng(seed)
        scaled = self.scaled(rows)
        samples = [self._outputs(scaled, self.network.predict(scaled, "float32"), "float32")]
        for _ in range(MOVED_SAMPLES):
            moved = (scaled * (1 + FLOAT32_ULP * rng.choice((-1.0, 1.0), scaled.shape))).astype(np.float32)
            samples.append(self._outputs(scaled, self.network.predict(moved, "float32"), "float32"))
        return samples

    def score(self, rows: NDArray[np.float32]) -> NDArray[np.floating]:
        """Return the anomaly score of an autoencoder, in float32."""
        return self.run(rows, "float32")[SCORE_OUTPUT]

    def scaled(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what the network itself is given for raw `rows`."""
        return rows if self.scaler is None else self.scaler.transform(rows)

    def _outputs(
        self, scaled: NDArray[np.float32], network_output: NDArray[np.floating], precision: Precision
    ) -> dict[str, NDArray[np.floating]]:
        outputs = {self.network.spec.output_name: self._unscaled(network_output, precision)}
        if self.network.spec.task == "autoencoder":
            error = scaled.astype(np.float64) - network_output
            score = (error**2).mean(axis=tuple(range(1, error.ndim)))
            outputs[SCORE_OUTPUT] = score.astype(network_output.dtype)
        return outputs

    def _unscaled(self, output: NDArray[np.floating], precision: Precision) -> NDArray[np.floating]:
        if self.target_scaler is None:
            return output
        if precision == "float32":
            return self.target_scaler.inverse_transform(output.astype(np.float32))
        unscaled: NDArray[np.floating] = output * np.array(self.target_scaler.scale) + np.array(
            self.target_scaler.center
        )
        return unscaled

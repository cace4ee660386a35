"""What a forecaster answers to raw windows: the source by its own framework, a bundle through its runtimes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dwcpc.compiler.artifact import read_artifact
from dwcpc.compiler.bundle import Bundle
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.features.bundled import feature_use
from dwcpc.compiler.features.spec import FeatureSpec
from dwcpc.compiler.features.windows import raw_windows
from dwcpc.compiler.scalers import load_scaler
from dwcpc.compiler.sources import source_of
from dwcpc.compiler.sources.base import LoadOptions, Network
from dwcpc.models.data.sequences import Sequences, ended_at_gaps
from dwcpc.models.data.table import Table
from dwcpc.parity.runners.base import Runner
from dwcpc.parity.runners.source import SourceModel

BATCH = 256


@dataclass(frozen=True, slots=True)
class SourceForecaster:
    """A loaded regressor with the scalers of its inputs and of its targets."""

    source: SourceModel
    timesteps: int
    outputs: int

    def predict(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return [windows, targets] of raw windows, as the source framework computes it in float32."""
        name = self.source.network.spec.output_name
        parts = [self.source.run(x[at : at + BATCH], "float32")[name] for at in range(0, len(x), BATCH)]
        return np.concatenate(parts).astype(np.float64)


def load_forecaster(weights: Path, scaler: Path, target_scaler: Path, timesteps: int) -> SourceForecaster:
    """Load a regressor as `dwcpc compile` does: nothing in the files is executed."""
    artifact = read_artifact(weights)
    loaded = source_of(artifact).load(artifact, LoadOptions(timesteps=timesteps))
    if not isinstance(loaded, Network) or loaded.spec.task != "regression":
        raise InputError(f"{weights}: is a {loaded.spec.model_type}, expected a regressor; name another run")
    fitted, inverse = load_scaler(scaler).scaler, load_scaler(target_scaler).scaler
    return SourceForecaster(SourceModel(loaded, fitted, inverse), timesteps, inverse.features)


def is_regressor(bundle: Bundle) -> bool:
    """Return whether the bundle predicts numbers of windows: one output, a row of channels, and no decision."""
    metadata = bundle.metadata
    return metadata.task == "regression" and len(metadata.inputs[0].shape) == 3


def bundle_timesteps(bundle: Bundle) -> int:
    """Return the length of a window of features."""
    features = bundle.metadata.features
    if features is not None and features.timesteps is not None:
        return features.timesteps
    return int(bundle.metadata.inputs[0].shape[1])


def bundle_spec(bundle: Bundle) -> FeatureSpec | None:
    """Return the specification that travels in the bundle, if one does."""
    use = feature_use(bundle.metadata)
    return None if use is None else use.spec


def bundle_forecast(bundle: Bundle, runner: Runner, table: Table, sequences: Sequences) -> NDArray[np.float64]:
    """Return [windows, targets], as a runtime computes it from what the bundle takes: features, or raw windows."""
    use = feature_use(bundle.metadata)
    rows = sequences.x
    if use is not None and use.embedded:
        assert use.timesteps is not None  # noqa: S101 - a regressor of windows
        raw = raw_windows(ended_at_gaps(use.spec, table), table, use.timesteps)
        rows = raw.cut(np.searchsorted(raw.rows, sequences.rows)).astype(np.float32)
    if rows.shape[1:] != tuple(bundle.metadata.inputs[0].shape[1:]):
        raise InputError(
            f"{bundle.path}: takes rows of shape {list(bundle.metadata.inputs[0].shape[1:])}, the windows have "
            f"{list(rows.shape[1:])}; name the features that it was trained on"
        )
    outputs = runner.run(bundle, rows, BATCH).outputs
    return outputs[bundle.metadata.outputs[0].name].astype(np.float64)

"""What a model answers to raw windows: the source as its own framework computes it, a bundle through its runtimes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dwcpc.compiler.artifact import read_artifact
from dwcpc.compiler.bundle import Bundle
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.scalers import Scaler, load_scaler
from dwcpc.compiler.signature import SCORE_OUTPUT
from dwcpc.compiler.sources import source_of
from dwcpc.compiler.sources.base import LoadOptions, Network
from dwcpc.parity.runners.base import Runner
from dwcpc.parity.runners.source import SourceModel

BATCH = 64


@dataclass(frozen=True, slots=True)
class Detector:
    """A loaded autoencoder, what scales its inputs and where an anomaly begins."""

    model: str
    source: SourceModel
    scaler: Scaler
    threshold: float
    timesteps: int

    def score(self, x: NDArray[np.float32]) -> NDArray[np.floating]:
        """Return the score of raw windows, as the source framework computes it in float32."""
        return self.source.score(x)

    def feature_errors(self, x: NDArray[np.float32]) -> NDArray[np.floating]:
        """Return the mean (x − y)² of each feature of raw windows, on scaled values, [windows, features]."""
        scaled = self.scaler.transform(x)
        error: NDArray[np.floating] = np.square(scaled - self.source.network.predict(scaled, "float32")).mean(axis=1)
        return error


def load_detector(weights: Path, scaler: Path, threshold: float, model: str = "source") -> Detector:
    """Load an autoencoder as `dwcpc compile` does: nothing in the files is executed."""
    artifact = read_artifact(weights)
    loaded = source_of(artifact).load(artifact, LoadOptions())
    if not isinstance(loaded, Network) or loaded.spec.task != "autoencoder":
        raise InputError(f"{weights}: is a {loaded.spec.model_type}, expected an autoencoder")
    fitted = load_scaler(scaler).scaler
    return Detector(model, SourceModel(loaded, fitted, None), fitted, threshold, loaded.spec.input_shape[0])


def bundle_score(bundle: Bundle, runner: Runner, x: NDArray[np.float32]) -> NDArray[np.floating]:
    """Return the score of raw windows, as a runtime computes it from the bundle."""
    if bundle.metadata.decision is None or bundle.metadata.decision.score != SCORE_OUTPUT:
        raise InputError(f"{bundle.path}: has no anomaly score with a threshold; compile it with --threshold")
    score: NDArray[np.floating] = runner.run(bundle, x, BATCH).outputs[SCORE_OUTPUT].astype(np.float32)
    return score

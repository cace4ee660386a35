"""A model of node reliability, of a run or a bundle: what it takes of a table's rows, and what it says of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dwcpc.compiler.artifact import read_artifact
from dwcpc.compiler.bundle import Bundle
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.pipeline import decision_of
from dwcpc.compiler.scalers import load_scaler
from dwcpc.compiler.sources import source_of
from dwcpc.compiler.sources.base import LoadOptions, Network
from dwcpc.models.data.labelled import LabelledRows
from dwcpc.models.data.row_windows import row_windows
from dwcpc.models.evaluation.bundle_answers import BATCH, BundleAnswers, answers_of
from dwcpc.parity.runners.base import Runner
from dwcpc.parity.runners.estimator_source import EstimatorSource
from dwcpc.parity.runners.source import SourceModel

Inputs = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ReliabilityModel:
    """`features` are what it takes of each sample; `timesteps` samples a window, or 0 where it takes a sample alone.

    `answer` takes raw inputs [rows, features] or [rows, timesteps, features].
    """

    name: str
    features: tuple[str, ...]
    timesteps: int
    answer: Callable[[Inputs], BundleAnswers]

    def answers(self, rows: LabelledRows, chosen: NDArray[np.int64]) -> BundleAnswers:
        """Return what it says of the `chosen` rows; InputError for a feature that the rows do not have."""
        absent = [name for name in self.features if name not in rows.names]
        if absent:
            raise InputError(
                f"{self.name}: takes {absent[0]!r}, which {rows.spec.name} does not compute; name what does by --spec"
            )
        columns = np.array([rows.names.index(name) for name in self.features])
        if not self.timesteps:
            return self.answer(rows.x[chosen][:, columns])
        return self.answer(row_windows(rows, columns, self.timesteps).cut(chosen))


def source_model(name: str, artifact: Path, scaler: Path, threshold: float) -> ReliabilityModel:
    """Load a run's model as `dwcpc compile` does: nothing in the files is executed. Its framework answers."""
    opened = read_artifact(artifact)
    loaded, fitted = source_of(opened).load(opened, LoadOptions()), load_scaler(scaler)
    decision = decision_of(loaded, threshold)
    features = fitted.scaler.feature_names
    if features is None:
        raise InputError(f"{scaler}: names no features, expected those that training wrote; train again")
    if isinstance(loaded, Network):
        network = SourceModel(loaded, fitted.scaler, None)
        return ReliabilityModel(
            f"{name} (source)",
            features,
            loaded.spec.input_shape[0],
            lambda x: answers_of(network.run(x, "float32"), decision, name),
        )
    estimator = EstimatorSource(loaded, fitted.scaler, None, decision)
    return ReliabilityModel(f"{name} (source)", features, 0, lambda x: answers_of(estimator.run(x), decision, name))


def bundle_model(bundle: Bundle, runner: Runner) -> ReliabilityModel:
    """Return a bundle as a runtime answers it."""
    metadata = bundle.metadata
    given = metadata.inputs[0]
    return ReliabilityModel(
        f"{metadata.name} {metadata.target} ({runner.name})",
        given.channels,
        int(given.shape[1]) if len(given.shape) == 3 else 0,
        lambda x: answers_of(runner.run(bundle, x, BATCH).outputs, metadata.decision, str(bundle.path)),
    )


def is_reliability_bundle(bundle: Bundle) -> bool:
    """Return whether it says of a sample, or of a window of them, whether something is wrong: no score of an error."""
    return bundle.metadata.task in {"classification", "anomaly_detection"}

"""What training leaves for node reliability: trees that see a row, or a network that sees a window."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from dwcpc.compiler.features.spec import FeatureSpec
from dwcpc.models.data.labelled import LabelledRows
from dwcpc.models.training.feature_choice import FeatureChoice

FALSE_POSITIVES: Final = 0.025
"""Of validation rows: half of what the owners allow, as other nodes may have twice as many."""

Rows = NDArray[np.int64]


class Recipe(Protocol):
    """What is asked of a model, of whichever kind; each kind adds its own."""

    @property
    def model(self) -> str:
        """The kind of model."""

    @property
    def features(self) -> FeatureChoice:
        """Which features it takes."""

    @property
    def seed(self) -> int:
        """Of the split and of the training."""

    @property
    def false_positives(self) -> float:
        """The share of validation rows without label that the threshold may flag."""


class NodeModel(Protocol):
    """A fitted model with its scaler, which takes some of the features."""

    def inputs(self, rows: LabelledRows, chosen: Rows) -> NDArray[np.float32]:
        """Return what the model takes of the `chosen` rows, raw: those rows, or the windows that end with them."""

    def suspicion(self, rows: LabelledRows, chosen: Rows) -> NDArray[np.float64]:
        """Return a score of each of the `chosen` rows, higher where more suspect."""

    def save(self, folder: Path, names: tuple[str, ...]) -> Path:
        """Write the model as `dwcpc compile` takes it; return its file."""


@dataclass(frozen=True, slots=True)
class TrainedNodes:
    """A fitted model. `spec` computes its features, `threshold` is on its suspicion (≥)."""

    recipe: Recipe
    hyperparameters: dict[str, Any]
    spec: FeatureSpec
    scaler: Any
    model: NodeModel
    threshold: float
    seconds: float

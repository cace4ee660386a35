"""The search space of the consensus autoencoder.

What changes the loss itself (objective, focal γ, class weights) or the windows (timesteps) is the same in all trials:
their losses would not compare.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dwcpc.models.tuning.networks import (
    TIMED_ROWS,
    by_loss,
    chosen_fit,
    drawn_windows,
    epoch_facts,
    options_of,
    silent,
    weights_in,
)
from dwcpc.models.tuning.rounding import rounded
from dwcpc.models.tuning.space import Artifact, Params, Shape, Trained, Watch

if TYPE_CHECKING:
    import optuna
    from torch import nn

    from dwcpc.models.training.consensus import ConsensusRecipe
    from dwcpc.models.training.folds import Folds
    from dwcpc.models.training.sizes import Units

UNTRAINED_THRESHOLD = 1.0
YARDSTICK: Params = {"units": "small", "encoding": 16}


@dataclass(frozen=True, slots=True)
class ConsensusSpace:
    """`recipe` is what trials start from; they choose between `units`, `encodings` and `batches` of so many rows."""

    recipe: ConsensusRecipe
    units: tuple[Units, ...]
    encodings: tuple[int, ...]
    batches: tuple[int, ...]
    features: int
    model: str = "consensus"

    @property
    def quality(self) -> str:
        """Detectors are compared whatever their threshold."""
        return "PR-AUC"

    def suggest(self, trial: optuna.Trial) -> Params:
        """Sizes, and what decides how training goes."""
        return {
            "units": trial.suggest_categorical("units", self.units),
            "encoding": trial.suggest_categorical("encoding", self.encodings),
            "batch_rows": trial.suggest_categorical("batch_rows", self.batches),
            "learning_rate": trial.suggest_float("learning_rate", 5e-4, 2e-2, log=True),
            "weight_decay": trial.suggest_float("weight_decay", 1e-6, 1e-2, log=True),
            "noise": trial.suggest_float("noise", 0.0, 0.3),
            "augment": trial.suggest_categorical("augment", (False, True)),
        }

    def arguments(self, params: Params) -> list[str]:
        """Return the options that train exactly this."""
        recipe = self._chosen(params)
        own = {
            "objective": recipe.objective,
            "units": recipe.units,
            "encoding": recipe.encoding,
            "timesteps": recipe.timesteps,
            "noise": recipe.noise,
        }
        return [*options_of(recipe.fit, own), *(["--augment"] if recipe.augment else [])]

    def shape(self, params: Params) -> Shape:
        """Return the sizes, which the weights' values change nothing about."""
        name = f"{params['units']}/{params['encoding']}/{self.recipe.timesteps}x{self.features}"
        return Shape(name, partial(self._untrained, params))

    def work(self, params: Params) -> float:
        """Return the number of weights."""
        return weights_in(self._module(params))

    def train(self, params: Params, data: Folds, folder: Path, watch: Watch) -> Trained:
        """Train by the recipe, and judge by the validation windows."""
        from dwcpc.models.evaluation.classification import detection_figures
        from dwcpc.models.training.consensus import train_consensus
        from dwcpc.models.training.run_files import CALIBRATION_FILE, SCALER_FILE, WEIGHTS_FILE

        trained = train_consensus(data, self._chosen(params), folder, silent, watch=by_loss(watch))
        validation = data.validation
        figures = detection_figures(validation.anomalous, trained.score(validation), trained.threshold)
        rows = validation.x[:TIMED_ROWS]
        files = folder / SCALER_FILE, trained.threshold, folder / CALIBRATION_FILE
        artifact = Artifact(folder / WEIGHTS_FILE, rows, *files)
        facts = {
            **epoch_facts(trained.history),
            "validation_accuracy": figures.accuracy,
            "validation_detection_accuracy": figures.detection_accuracy,
        }
        return Trained(figures.pr_auc, artifact, facts)

    def yardstick(self, folder: Path) -> Artifact:
        """Write the default recipe's network, untrained."""
        return self._untrained(YARDSTICK, folder)

    def _untrained(self, params: Params, folder: Path) -> Artifact:
        """Write a network with torch's initial weights, and a scaler and a threshold as the trained one has them."""
        import torch

        from dwcpc.models.training.run_files import SCALER_FILE, WEIGHTS_FILE
        from dwcpc.models.training.scaling import write_robust_scaler

        torch.save(self._module(params).state_dict(), folder / WEIGHTS_FILE)
        rows, names = drawn_windows(self.recipe.timesteps, self.features)
        write_robust_scaler(folder / SCALER_FILE, rows.reshape(-1, self.features), names)
        return Artifact(folder / WEIGHTS_FILE, rows, folder / SCALER_FILE, UNTRAINED_THRESHOLD)

    def _chosen(self, params: Params) -> ConsensusRecipe:
        return dataclasses.replace(
            self.recipe,
            units=params["units"],
            encoding=params["encoding"],
            noise=rounded(params["noise"]),
            augment=params["augment"],
            fit=chosen_fit(self.recipe.fit, params),
        )

    def _module(self, params: Params) -> nn.Module:
        import torch

        from dwcpc.models.bilstm_attention_autoencoder import BilstmAttentionAutoencoder
        from dwcpc.models.training.sizes import autoencoder_config

        torch.manual_seed(0)
        config = autoencoder_config(params["units"], params["encoding"], self.recipe.timesteps, self.features)
        return BilstmAttentionAutoencoder(config)

"""The search space of the bandwidth model.

What changes the loss itself (the weight of relative errors) or the windows (timesteps, horizon) is the same in all
trials: their losses would not compare.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean
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

    from dwcpc.models.training.bandwidth import BandwidthRecipe
    from dwcpc.models.training.link_folds import LinkFolds
    from dwcpc.models.training.sizes import Units

YARDSTICK: Params = {"units": "small"}


@dataclass(frozen=True, slots=True)
class BandwidthSpace:
    """`recipe` is what trials start from; they choose between `units` and `batches` of so many rows."""

    recipe: BandwidthRecipe
    units: tuple[Units, ...]
    batches: tuple[int, ...]
    features: int
    model: str = "bandwidth"

    @property
    def quality(self) -> str:
        """The share of persistence's mean error that is saved, averaged over the targets; `retraining/forecasts.py`."""
        return "skill"

    def suggest(self, trial: optuna.Trial) -> Params:
        """Size, and what decides how training goes."""
        return {
            "units": trial.suggest_categorical("units", self.units),
            "batch_rows": trial.suggest_categorical("batch_rows", self.batches),
            "learning_rate": trial.suggest_float("learning_rate", 1e-3, 2e-2, log=True),
            "weight_decay": trial.suggest_float("weight_decay", 1e-6, 1e-2, log=True),
            "dropout": trial.suggest_float("dropout", 0.0, 0.2),
            "noise": trial.suggest_float("noise", 0.0, 0.1),
        }

    def arguments(self, params: Params) -> list[str]:
        """Return the options that train exactly this."""
        recipe = self._chosen(params)
        own = {
            "units": recipe.units,
            "timesteps": recipe.timesteps,
            "dropout": recipe.dropout,
            "noise": recipe.noise,
            "relative-weight": recipe.relative_weight,
        }
        return options_of(recipe.fit, own)

    def shape(self, params: Params) -> Shape:
        """Return the sizes, which the weights' values change nothing about."""
        bypass = "+bypass" if self.recipe.bypass else ""
        name = f"{params['units']}/{self.recipe.timesteps}x{self.features}{bypass}"
        return Shape(name, partial(self._untrained, params))

    def work(self, params: Params) -> float:
        """Return the number of weights."""
        return weights_in(self._module(params))

    def train(self, params: Params, data: LinkFolds, folder: Path, watch: Watch) -> Trained:
        """Train by the recipe, and judge by the validation windows."""
        from dwcpc.models.retraining.forecasts import SKILL, figure, forecast_figures
        from dwcpc.models.training.bandwidth import train_bandwidth
        from dwcpc.models.training.bandwidth_files import SCALER, TARGET_SCALER, WEIGHTS
        from dwcpc.models.training.run_files import CALIBRATION_FILE

        trained = train_bandwidth(data, self._chosen(params), folder, silent, watch=by_loss(watch))
        windows, targets = data.validation, data.task.forecast.targets
        figures = forecast_figures(targets, windows.y, windows.last, trained.predict(windows.x))(None)
        skills = {figure(target, SKILL): figures[figure(target, SKILL)] for target in targets}
        artifact = Artifact(
            folder / WEIGHTS,
            windows.x[:TIMED_ROWS],
            folder / SCALER,
            calibration=folder / CALIBRATION_FILE,
            target_scaler=folder / TARGET_SCALER,
            timesteps=self.recipe.timesteps,
        )
        facts = {
            **epoch_facts(trained.history),
            **{f"validation_{name}": skill for name, skill in skills.items()},
        }
        return Trained(fmean(skills.values()), artifact, facts)

    def yardstick(self, folder: Path) -> Artifact:
        """Write the default recipe's network, untrained."""
        return self._untrained(YARDSTICK, folder)

    def _untrained(self, params: Params, folder: Path) -> Artifact:
        """Write a network with torch's initial weights, and scalers as the trained one has them."""
        import torch

        from dwcpc.models.bandwidth_predictor import OUTPUT_CHANNELS
        from dwcpc.models.training.bandwidth_files import SCALER, TARGET_SCALER, WEIGHTS
        from dwcpc.models.training.scaling import write_standard_scaler

        torch.save(self._module(params).state_dict(), folder / WEIGHTS)
        rows, names = drawn_windows(self.recipe.timesteps, self.features)
        write_standard_scaler(folder / SCALER, rows.reshape(-1, self.features), names)
        targets = tuple(channel.name for channel in OUTPUT_CHANNELS)
        write_standard_scaler(folder / TARGET_SCALER, drawn_windows(1, len(targets))[0][:, 0], targets)
        return Artifact(
            folder / WEIGHTS,
            rows,
            folder / SCALER,
            target_scaler=folder / TARGET_SCALER,
            timesteps=self.recipe.timesteps,
        )

    def _chosen(self, params: Params) -> BandwidthRecipe:
        return dataclasses.replace(
            self.recipe,
            units=params["units"],
            dropout=rounded(params["dropout"]),
            noise=rounded(params["noise"]),
            fit=chosen_fit(self.recipe.fit, params),
        )

    def _module(self, params: Params) -> nn.Module:
        import torch

        from dwcpc.models.bandwidth_predictor import BandwidthPredictor
        from dwcpc.models.training.sizes import predictor_config

        torch.manual_seed(0)
        config = predictor_config(params["units"], self.recipe.timesteps, self.features)
        return BandwidthPredictor(dataclasses.replace(config, bypass=int(self.recipe.bypass)))

"""The bandwidth model's recipe: windows in, weights, two scalers and the linear baseline out."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.scalers import Scaler
from dwcpc.compiler.whole_file import whole_file
from dwcpc.models.bandwidth_predictor import OUTPUT_CHANNELS, BandwidthPredictor
from dwcpc.models.data.sequences import Sequences
from dwcpc.models.training.bandwidth_files import FEATURES, SCALER, TARGET_SCALER, WEIGHTS
from dwcpc.models.training.bypass import loss_on, with_bypass
from dwcpc.models.training.feature_choice import spec_document
from dwcpc.models.training.fit import Order, Progress, Rows, Watch, fit
from dwcpc.models.training.forecasting import Forecasting, fix_batch_norms
from dwcpc.models.training.history import Epoch
from dwcpc.models.training.linear_baseline import Linear, fit_linear_to_parts
from dwcpc.models.training.link_folds import LinkFolds, dense_windows
from dwcpc.models.training.options import FitOptions
from dwcpc.models.training.run_files import CALIBRATION_FILE, write_json
from dwcpc.models.training.scaling import write_standard_scaler
from dwcpc.models.training.sizes import Units, predictor_config

CALIBRATION_WINDOWS: Final = 256
PREDICTED_AT_ONCE: Final = 1024

FIT: Final = FitOptions(epochs=16, batch_rows=256, learning_rate=4e-3, patience=8)


@dataclass(frozen=True, slots=True)
class BandwidthRecipe:
    """`relative_weight`, `noise`: see `forecasting.py`; `bypass`: see `bypass.py`.

    `dropout` is the architecture's, 0.2 in the owners' plan.
    """

    units: Units = "small"
    timesteps: int = 20
    relative_weight: float = 0.003
    noise: float = 0.0
    dropout: float = 0.0
    bypass: bool = True
    fit: FitOptions = field(default_factory=lambda: FIT)


@dataclass(frozen=True, slots=True)
class Bypassed:
    """What a bypass did to the validation loss, and the λ it was solved with; it is `kept` where it lowers that."""

    ridge: float
    loss_before: float
    loss_after: float

    @property
    def kept(self) -> bool:
        """Return whether the model has it."""
        return self.loss_after < self.loss_before


@dataclass(frozen=True, slots=True)
class TrainedForecaster:
    """A module in eval mode, what belongs to it, how it came to be, and the linear one of the same windows."""

    module: nn.Module
    scaler: Scaler
    target_scaler: Scaler
    linear: Linear
    history: tuple[Epoch, ...]
    train_windows: int
    bypassed: Bypassed | None = None

    def predict(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return [windows, targets] in the targets' units, of raw windows."""
        return self._raw(predicted(self.module, self.scaler.transform(x)))

    def predict_linearly(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the same of the linear baseline."""
        return self._raw(self.linear.predict(self.scaler.transform(x)).astype(np.float32))

    def _raw(self, scaled: NDArray[np.float32]) -> NDArray[np.float64]:
        return self.target_scaler.inverse_transform(scaled).astype(np.float64)


def train_bandwidth(
    folds: LinkFolds,
    recipe: BandwidthRecipe,
    folder: Path,
    progress: Progress,
    resume: Path | None = None,
    *,
    watch: Watch | None = None,
) -> TrainedForecaster:
    """Train into `folder`: weights, scalers, features.json, calibration windows, checkpoints, history, logs."""
    _check(folds)
    folder.mkdir(parents=True, exist_ok=True)
    names = folds.task.spec.features
    scaler = write_standard_scaler(folder / SCALER, folds.train.x.reshape(-1, len(names)), names)
    target_scaler = write_standard_scaler(folder / TARGET_SCALER, folds.train.y, folds.task.forecast.targets)
    train, validation = (_rows(scaler, target_scaler, part) for part in (folds.train, folds.validation))
    progress("fitting the linear baseline")
    dense = (_rows(scaler, target_scaler, part) for part in dense_windows(folds))
    known = (validation.x.numpy(), validation.y.numpy())
    linear = fit_linear_to_parts(((part.x.numpy(), part.y.numpy()) for part in dense), known)
    torch.manual_seed(recipe.fit.seed)
    config = predictor_config(recipe.units, folds.task.timesteps, len(names))
    module = BandwidthPredictor(config)
    module.dropout.p = recipe.dropout
    fix_batch_norms(module)
    progress(f"training on {len(folds.train)} windows")
    order = Order(train, validation, recipe.fit, folder, _task(recipe), resume, watch)
    objective = _objective(recipe, target_scaler)
    history = fit(module, objective, order, progress)
    bypassed = None
    if recipe.bypass:
        progress("solving the bypass and the output layer")
        dense = (_rows(scaler, target_scaler, part) for part in dense_windows(folds))
        solved = with_bypass(module, config, dense, validation)
        module, bypassed = _better(module, solved, validation, objective.cpu(), progress)
    _save(module, folds, recipe, folder)
    return TrainedForecaster(module, scaler, target_scaler, linear, tuple(history), len(folds.train), bypassed)


def predicted(module: nn.Module, scaled: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what `module` answers to scaled windows, scaled as it answers it."""
    with torch.no_grad():
        parts = [module(part) for part in torch.split(torch.from_numpy(scaled), PREDICTED_AT_ONCE)]
    return torch.cat(parts).numpy()


def _better(
    module: BandwidthPredictor,
    solved: tuple[BandwidthPredictor, float],
    validation: Rows,
    objective: Forecasting,
    progress: Progress,
) -> tuple[BandwidthPredictor, Bypassed]:
    """Return the better of `module` and of what was solved, which comes with its λ, judged on validation."""
    other, ridge = solved
    before, after = (loss_on(validation, objective, each) for each in (module, other))
    found = Bypassed(ridge, before, after)
    progress(f"validation {before:.4f}, with a bypass {after:.4f}: {'with' if found.kept else 'without'} it")
    return other if found.kept else module, found


def _check(folds: LinkFolds) -> None:
    targets = folds.task.forecast.targets
    if len(targets) != len(OUTPUT_CHANNELS):
        meant = ", ".join(f"{channel.name} [{channel.unit}]" for channel in OUTPUT_CHANNELS)
        raise InputError(f"{len(targets)} targets are named, expected {len(OUTPUT_CHANNELS)}, in this order: {meant}")


def _rows(scaler: Scaler, target_scaler: Scaler, part: Sequences) -> Rows:
    y = target_scaler.transform(part.y.astype(np.float32))
    return Rows(torch.from_numpy(scaler.transform(part.x)), torch.from_numpy(y))


def _objective(recipe: BandwidthRecipe, target_scaler: Scaler) -> Forecasting:
    zero = target_scaler.transform(np.zeros((1, target_scaler.features), np.float32))[0]
    return Forecasting(torch.from_numpy(zero), recipe.relative_weight, recipe.noise)


def _save(module: nn.Module, folds: LinkFolds, recipe: BandwidthRecipe, folder: Path) -> None:
    with whole_file(folder / WEIGHTS) as file:
        torch.save(module.state_dict(), file)
    write_json(folder / FEATURES, spec_document(folds.task.spec))
    chosen = np.random.default_rng(recipe.fit.seed).permutation(len(folds.validation))[:CALIBRATION_WINDOWS]
    np.save(folder / CALIBRATION_FILE, folds.validation.x[chosen])


def _task(recipe: BandwidthRecipe) -> str:
    """Return what a fit depends on beside its own options: a checkpoint of another task is not resumed."""
    stated = {key: value for key, value in dataclasses.asdict(recipe).items() if key not in ("fit", "bypass")}
    return f"bandwidth {stated}"

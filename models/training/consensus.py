"""The consensus model's recipe: windows in, weights, scaler and threshold out."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.scalers import Scaler
from dwcpc.compiler.whole_file import whole_file
from dwcpc.models.bilstm_attention_autoencoder import BilstmAttentionAutoencoder
from dwcpc.models.data.windows import Windows
from dwcpc.models.training.augment import balanced_by_kind
from dwcpc.models.training.fit import Order, Progress, Rows, Watch, fit
from dwcpc.models.training.folds import Folds
from dwcpc.models.training.history import Epoch
from dwcpc.models.training.left_out import without_kinds
from dwcpc.models.training.objective import Exposure, Reconstruction, scores
from dwcpc.models.training.options import FitOptions
from dwcpc.models.training.run_files import CALIBRATION_FILE, SCALER_FILE, WEIGHTS_FILE, write_threshold
from dwcpc.models.training.scaling import write_robust_scaler
from dwcpc.models.training.sizes import Units, autoencoder_config
from dwcpc.models.training.threshold import best_threshold, quantile_threshold

ObjectiveName = Literal["exposure", "reconstruction"]
OBJECTIVES: tuple[ObjectiveName, ...] = get_args(ObjectiveName)

CALIBRATION_WINDOWS: Final = 256


@dataclass(frozen=True, slots=True)
class ConsensusRecipe:
    """`positive_weight` weighs anomalies in the loss, none is the ratio of the classes; `noise` is for denoising.

    `restraint` is what an anomaly's score costs, so that the network stays smooth (`objective.py`).

    `share_normal` is the quantile of normal validation windows' scores that the threshold is, where `threshold_by`
    says so or no anomaly is labelled. Anomalies of the kinds in `leave_out` are neither trained on nor chosen by.
    """

    objective: ObjectiveName = "exposure"
    units: Units = "small"
    encoding: int = 16
    timesteps: int = 30
    focal_gamma: float = 0.0
    positive_weight: float | None = 1.0
    noise: float = 0.05
    restraint: float = 0.03
    augment: bool = False
    threshold_by: Literal["labels", "quantile"] = "labels"
    share_normal: float = 0.99
    leave_out: tuple[str, ...] = ()
    fit: FitOptions = field(default_factory=FitOptions)


@dataclass(frozen=True, slots=True)
class Trained:
    """A module in eval mode, what belongs to it, and how it came to be."""

    module: nn.Module
    scaler: Scaler
    threshold: float
    history: tuple[Epoch, ...]
    train_windows: int

    def score(self, windows: Windows) -> NDArray[np.float32]:
        """Return the score of each window, in raw units."""
        return scored(self.module, self.scaler, windows.x)


def train_consensus(
    folds: Folds,
    recipe: ConsensusRecipe,
    folder: Path,
    progress: Progress,
    resume: Path | None = None,
    *,
    watch: Watch | None = None,
) -> Trained:
    """Train into `folder`: weights, scaler, threshold, calibration windows, checkpoints, history, TensorBoard logs."""
    folds = without_kinds(folds, recipe.leave_out)
    _check(folds, recipe)
    folder.mkdir(parents=True, exist_ok=True)
    train = balanced_by_kind(folds.train, recipe.fit.seed) if recipe.augment else folds.train
    normal = folds.train.x[~folds.train.anomalous]
    names = folds.columns.features
    scaler = write_robust_scaler(folder / SCALER_FILE, normal.reshape(-1, len(names)), names)
    torch.manual_seed(recipe.fit.seed)
    module = BilstmAttentionAutoencoder(autoencoder_config(recipe.units, recipe.encoding, recipe.timesteps, len(names)))
    rows = _rows(scaler, train), _rows(scaler, folds.validation)
    order = Order(*rows, recipe.fit, folder, _task(recipe), resume, watch)
    progress(f"training on {len(train)} windows, {int(train.anomalous.sum())} of them anomalies")
    history = fit(module, _objective(recipe, train), order, progress)
    threshold = _threshold(scored(module, scaler, folds.validation.x), folds, recipe)
    with whole_file(folder / WEIGHTS_FILE) as file:
        torch.save(module.state_dict(), file)
    write_threshold(folder, threshold)
    np.save(folder / CALIBRATION_FILE, calibration_windows(folds.validation, recipe.fit.seed))
    return Trained(module, scaler, threshold, tuple(history), len(train))


def scored(module: nn.Module, scaler: Scaler, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the score of raw windows, a thousand at a time."""
    with torch.no_grad():
        parts = [scores(module, part) for part in torch.split(torch.from_numpy(scaler.transform(x)), 1024)]
    return torch.cat(parts).numpy()


def calibration_windows(windows: Windows, seed: int) -> NDArray[np.float32]:
    """Return windows for `dwcpc compile --calibration`, drawn evenly from `windows`."""
    rng = np.random.default_rng(seed)
    return windows.x[rng.permutation(len(windows))[:CALIBRATION_WINDOWS]]


def _check(folds: Folds, recipe: ConsensusRecipe) -> None:
    if recipe.objective == "exposure" and not folds.train.anomalous.any():
        raise InputError(
            "no window to train on is labelled as an anomaly, which the objective 'exposure' needs; name --label or "
            "train with --objective reconstruction"
        )
    if folds.train.anomalous.all():
        raise InputError("every window to train on is an anomaly, expected normal ones; check --label")


def _rows(scaler: Scaler, windows: Windows) -> Rows:
    x = torch.from_numpy(scaler.transform(windows.x))
    return Rows(x, torch.from_numpy(windows.anomalous.astype(np.float32)))


def _objective(recipe: ConsensusRecipe, train: Windows) -> nn.Module:
    if recipe.objective == "reconstruction":
        return Reconstruction(recipe.noise)
    weight = recipe.positive_weight
    if weight is None:
        weight = float((~train.anomalous).sum() / train.anomalous.sum())
    return Exposure(recipe.focal_gamma, weight, recipe.noise, recipe.restraint)


def _threshold(score: NDArray[np.float32], folds: Folds, recipe: ConsensusRecipe) -> float:
    anomalous = folds.validation.anomalous
    if recipe.threshold_by == "labels" and anomalous.any():
        return best_threshold(score, anomalous)
    return quantile_threshold(score[~anomalous], recipe.share_normal)


def _task(recipe: ConsensusRecipe) -> str:
    """Return everything but the fit's own options: a checkpoint of another task is not resumed."""
    stated = {key: value for key, value in dataclasses.asdict(recipe).items() if key != "fit"}
    return f"consensus {stated}"

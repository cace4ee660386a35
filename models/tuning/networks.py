"""What the search spaces of networks share: how a fit is told and chosen, what epochs tell, windows to time with."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from dwcpc.models.tuning.rounding import rounded

if TYPE_CHECKING:
    from torch import nn

    from dwcpc.models.training.history import Epoch
    from dwcpc.models.training.options import FitOptions
    from dwcpc.models.tuning.space import Params, Watch

TIMED_ROWS: Final = 256


def options_of(fit: FitOptions, own: Mapping[str, Any]) -> list[str]:
    """Return the options of `dwcpc train` for a model's `own` values and for its fit."""
    stated = {
        **own,
        "epochs": fit.epochs,
        "batch-rows": fit.batch_rows,
        "learning-rate": fit.learning_rate,
        "weight-decay": fit.weight_decay,
        "patience": fit.patience,
        "threads": fit.threads,
    }
    return [text for name, value in stated.items() for text in (f"--{name}", str(value))]


def chosen_fit(fit: FitOptions, params: Params) -> FitOptions:
    """Return `fit` with a trial's batch, learning rate and weight decay."""
    return dataclasses.replace(
        fit,
        batch_rows=params["batch_rows"],
        learning_rate=rounded(params["learning_rate"]),
        weight_decay=rounded(params["weight_decay"]),
    )


def by_loss(watch: Watch) -> Callable[[Epoch], None]:
    """Return what tells `watch` the validation loss of each epoch."""

    def told(epoch: Epoch) -> None:
        watch(epoch.number, epoch.validation_loss)

    return told


def epoch_facts(history: Sequence[Epoch]) -> dict[str, float]:
    """Return what a study keeps of a training's epochs."""
    from dwcpc.models.training.history import best_of

    best = best_of(history)
    return {"validation_loss": best.validation_loss, "best_epoch": best.number, "epochs": len(history)}


def weights_in(module: nn.Module) -> float:
    """Return the number of weights: nearly each is multiplied once a step."""
    return float(sum(weight.numel() for weight in module.parameters()))


def drawn_windows(timesteps: int, features: int) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """Return windows [rows, timesteps, features] to time an untrained network with, and names of the features."""
    rows = np.random.default_rng(0).standard_normal((TIMED_ROWS, timesteps, features)).astype(np.float32)
    return rows, tuple(f"feature_{at}" for at in range(features))


def silent(_step: str) -> None:
    """Take the steps of a training, of which a study says nothing."""

"""Models of the architectures' full sizes with random or shortly trained weights, and the rows that belong to them.

They are made where they are needed, in minutes, and told by their seed; `bench/precision_table.py` compiles them.
Training and threshold, calibration and evaluation each have rows of their own.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.preprocessing import RobustScaler
from torch import nn

from dwcpc.models.architecture import Architecture, Config
from dwcpc.models.bandwidth_predictor import BANDWIDTH_PREDICTOR, BandwidthPredictorConfig
from dwcpc.models.demo.fitting import Schedule, fit
from dwcpc.models.demo.random_weights import randomised
from dwcpc.models.demo.simulate import faulty_windows, normal_windows
from dwcpc.models.demo.simulate_links import link_windows
from dwcpc.models.demo.train import fit_scaler, scaled, scores
from dwcpc.models.lstm_attention_autoencoder import LSTM_ATTENTION_AUTOENCODER, LstmAttentionAutoencoderConfig

THREADS: Final = 1
"""Part of the result, and the fastest on a machine that does something else as well."""

THRESHOLD_QUANTILE: Final = 0.99
FAULTY_SHARE: Final = 0.25
"""Of the autoencoder's calibration and evaluation windows."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """Rows of each split; `schedule` is none where the weights are random."""

    train: int
    validation: int
    calibration: int
    evaluation: int
    schedule: Schedule | None


RANDOM: Final = Sizes(train=4096, validation=2048, calibration=512, evaluation=4096, schedule=None)
TRAINED_AUTOENCODER: Final = Sizes(4096, 2048, 512, 4096, Schedule(epochs=12, batch_rows=64, learning_rate=4e-3))
TRAINED_PREDICTOR: Final = Sizes(4096, 2048, 512, 4096, Schedule(epochs=7, batch_rows=64, learning_rate=2e-3))

MODEL: Final = "model.pth"
SCALER: Final = "scaler.json"
TARGET_SCALER: Final = "target_scaler.json"
CALIBRATION: Final = "calibration.npy"
EVALUATION: Final = "evaluation.npy"


@dataclass(frozen=True, slots=True)
class Made:
    """What a model is like: losses are mean squared errors on scaled values of validation rows.

    `idle_loss` is that of always answering the mean. `threshold` is none for a regressor.
    """

    parameters: int
    validation_loss: float
    idle_loss: float
    threshold: float | None


@contextmanager
def _own_threads() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@_own_threads()
def make_autoencoder(
    folder: Path, sizes: Sizes, *, seed: int, config: LstmAttentionAutoencoderConfig | None = None
) -> Made:
    """Write an `lstm_attention_autoencoder` of simulated consensus windows into `folder`."""
    train, validation = (
        normal_windows(count, seed=seed + n) for n, count in enumerate((sizes.train, sizes.validation))
    )
    scaler = fit_scaler(train)
    x, held_out = scaled(scaler, train), scaled(scaler, validation)
    module = _made(LSTM_ATTENTION_AUTOENCODER, config or LstmAttentionAutoencoderConfig(), x, x, sizes, seed)
    _write_scaler(folder / SCALER, scaler)
    np.save(folder / CALIBRATION, _mixed_windows(sizes.calibration, seed + 2))
    np.save(folder / EVALUATION, _mixed_windows(sizes.evaluation, seed + 4))
    torch.save(module.state_dict(), folder / MODEL)
    score = scores(module, held_out)
    threshold = float(np.quantile(score, THRESHOLD_QUANTILE))
    return Made(_parameters(module), float(score.mean()), _idle_loss(held_out), threshold)


@_own_threads()
def make_predictor(folder: Path, sizes: Sizes, *, seed: int, config: BandwidthPredictorConfig | None = None) -> Made:
    """Write a `bandwidth_predictor` of simulated links, with the scalers of its inputs and outputs, into `folder`."""
    train, validation = (link_windows(count, seed=seed + n) for n, count in enumerate((sizes.train, sizes.validation)))
    scaler, target_scaler = fit_scaler(train.x), fit_scaler(train.y)
    x, y = scaled(scaler, train.x), scaled(target_scaler, train.y)
    module = _made(BANDWIDTH_PREDICTOR, config or BandwidthPredictorConfig(), x, y, sizes, seed)
    _write_scaler(folder / SCALER, scaler)
    _write_scaler(folder / TARGET_SCALER, target_scaler)
    np.save(folder / CALIBRATION, link_windows(sizes.calibration, seed=seed + 2).x)
    np.save(folder / EVALUATION, link_windows(sizes.evaluation, seed=seed + 3).x)
    torch.save(module.state_dict(), folder / MODEL)
    wanted = scaled(target_scaler, validation.y)
    with torch.no_grad():
        loss = nn.functional.mse_loss(module(scaled(scaler, validation.x)), wanted).item()
    return Made(_parameters(module), loss, _idle_loss(wanted), None)


def _made(
    architecture: Architecture[Any], config: Config, x: torch.Tensor, y: torch.Tensor, sizes: Sizes, seed: int
) -> nn.Module:
    torch.manual_seed(seed)
    module = architecture.build(config)
    if sizes.schedule is None:
        return randomised(module, seed)
    fit(module, x, y, sizes.schedule)
    return module


def _mixed_windows(count: int, seed: int) -> NDArray[np.float32]:
    faulty = int(count * FAULTY_SHARE)
    return np.concatenate([normal_windows(count - faulty, seed=seed), faulty_windows(faulty, seed=seed + 1)])


def _write_scaler(path: Path, scaler: RobustScaler) -> None:
    content = {"type": "RobustScaler", "center": scaler.center_.tolist(), "scale": scaler.scale_.tolist()}
    path.write_text(json.dumps(content) + "\n", encoding="utf-8")


def _parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _idle_loss(wanted: torch.Tensor) -> float:
    by_channel = wanted.reshape(-1, wanted.shape[-1]).double()
    return float((by_channel - by_channel.mean(dim=0)).square().mean())

"""Train the demonstration model and write it beside this file: `python models/demo/train.py [--seed N]`.

The score of a window is the mean over timesteps and features of (x − y)² on scaled values; a window is an anomaly when
its score exceeds the threshold, which is a quantile of the scores of normal validation windows.
"""

import argparse
import json
import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.preprocessing import RobustScaler
from torch import nn

from dwcpc.models.bilstm_attention_autoencoder import (
    BILSTM_ATTENTION_AUTOENCODER,
    BilstmAttentionAutoencoderConfig,
)
from dwcpc.models.demo import fitting
from dwcpc.models.demo.fitting import Schedule
from dwcpc.models.demo.report import Detection, Training, render
from dwcpc.models.demo.simulate import METRICS, TIMESTEPS, faulty_windows, normal_windows

log = logging.getLogger("train")

SEED: Final = 7
THREADS: Final = 1
"""Part of the result, as another number sums in another order; and layers this small are slower on two."""

TRAIN_WINDOWS: Final = 8192
VALIDATION_WINDOWS: Final = 2048
TEST_NORMAL_WINDOWS: Final = 2048
TEST_FAULTY_WINDOWS: Final = 1024
CALIBRATION_NORMAL_WINDOWS: Final = 192
CALIBRATION_FAULTY_WINDOWS: Final = 64

EPOCHS: Final = 30
BATCH_WINDOWS: Final = 128
LEARNING_RATE: Final = 4e-3
THRESHOLD_QUANTILE: Final = 0.99

CONFIG: Final = BilstmAttentionAutoencoderConfig(
    timesteps=TIMESTEPS,
    features=len(METRICS),
    encoder_units1=24,
    encoder_units2=16,
    attention_units=32,
    encoding=8,
    decoder_inputs=32,
    decoder_units1=16,
    decoder_units2=24,
)


@dataclass(frozen=True, slots=True)
class Windows:
    """Each split in raw units, `[windows, timesteps, features]`."""

    train: NDArray[np.float32]
    validation: NDArray[np.float32]
    test_normal: NDArray[np.float32]
    test_faulty: NDArray[np.float32]


def simulate(seed: int) -> Windows:
    """Return the four splits, each from a seed of its own."""
    return Windows(
        train=normal_windows(TRAIN_WINDOWS, seed=seed),
        validation=normal_windows(VALIDATION_WINDOWS, seed=seed + 1),
        test_normal=normal_windows(TEST_NORMAL_WINDOWS, seed=seed + 2),
        test_faulty=faulty_windows(TEST_FAULTY_WINDOWS, seed=seed + 3),
    )


def fit_scaler(windows: NDArray[np.float32]) -> RobustScaler:
    """Fit on every timestep of `windows`, in float64."""
    return RobustScaler().fit(windows.reshape(-1, windows.shape[-1]).astype(np.float64))


def scaled(scaler: RobustScaler, windows: NDArray[np.float32]) -> torch.Tensor:
    """Scale raw float32 windows as the service does, in float32."""
    rows = scaler.transform(windows.reshape(-1, windows.shape[-1]))
    return torch.from_numpy(rows.reshape(windows.shape))


def fit(x: torch.Tensor, *, seed: int, epochs: int = EPOCHS) -> tuple[nn.Module, float]:
    """Return the module in eval mode and the mean loss of its last epoch."""
    torch.manual_seed(seed)
    module = BILSTM_ATTENTION_AUTOENCODER.build(CONFIG)
    return module, fitting.fit(module, x, x, Schedule(epochs, BATCH_WINDOWS, LEARNING_RATE))


def scores(module: nn.Module, x: torch.Tensor) -> NDArray[np.float64]:
    """Return the reconstruction error of each window."""
    with torch.no_grad():
        error: NDArray[np.float64] = (x - module(x)).double().square().mean(dim=(1, 2)).numpy()
    return error


def write(folder: Path, module: nn.Module, scaler: RobustScaler, threshold: float, windows: Windows) -> None:
    """Write the weights, the scaler, the threshold and the calibration windows into `folder`."""
    torch.save(module.state_dict(), folder / "consensus_demo.pth")
    written = {
        "type": "RobustScaler",
        "center": scaler.center_.tolist(),
        "scale": scaler.scale_.tolist(),
        "feature_names": [metric.name for metric in METRICS],
    }
    (folder / "consensus_demo_scaler.json").write_text(json.dumps(written, indent=2) + "\n")
    (folder / "threshold.txt").write_text(f"{threshold!r}\n")
    calibration = np.concatenate(
        [windows.test_normal[:CALIBRATION_NORMAL_WINDOWS], windows.test_faulty[:CALIBRATION_FAULTY_WINDOWS]]
    )
    np.save(folder / "calibration.npy", calibration)


def main() -> None:
    """Train, measure and write."""
    parser = argparse.ArgumentParser(description="Train the demonstration model.")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder to write to")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(THREADS)
    torch.use_deterministic_algorithms(True)

    windows = simulate(arguments.seed)
    scaler = fit_scaler(windows.train)
    begin = time.perf_counter()
    module, train_loss = fit(scaled(scaler, windows.train), seed=arguments.seed)
    duration_s = time.perf_counter() - begin
    normal_scores = scores(module, scaled(scaler, windows.validation))
    threshold = float(np.quantile(normal_scores, THRESHOLD_QUANTILE))
    detection = Detection.count(
        scores(module, scaled(scaler, windows.test_normal)) > threshold,
        scores(module, scaled(scaler, windows.test_faulty)) > threshold,
    )
    training = Training(
        seed=arguments.seed,
        windows=TRAIN_WINDOWS,
        epochs=EPOCHS,
        parameters=sum(parameter.numel() for parameter in module.parameters()),
        train_loss=train_loss,
        validation_loss=float(normal_scores.mean()),
        threshold=threshold,
        threshold_quantile=THRESHOLD_QUANTILE,
    )
    write(arguments.out, module, scaler, threshold, windows)
    (arguments.out / "README.md").write_text(render(training, detection))
    log.info("trained for %.0f s; %s", duration_s, detection)


if __name__ == "__main__":
    main()

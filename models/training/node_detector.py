"""The recipe for node reliability by a network: windows of what each sample says, a convolution and an LSTM over them.

It minimises the cross entropy of the probability that it answers. The threshold is chosen as that of trees is.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dwcpc.compiler.whole_file import whole_file
from dwcpc.models.conv_lstm_detector import ConvLstmDetector, ConvLstmDetectorConfig
from dwcpc.models.data.labelled import LabelledRows
from dwcpc.models.data.row_windows import row_windows
from dwcpc.models.data.series_split import Split
from dwcpc.models.training.feature_choice import FeatureChoice, chosen_features, spec_of
from dwcpc.models.training.fit import Order, Rows, fit
from dwcpc.models.training.node_artifacts import NETWORK
from dwcpc.models.training.node_logs import forget_earlier
from dwcpc.models.training.node_model import FALSE_POSITIVES, TrainedNodes
from dwcpc.models.training.nodes import check_rows
from dwcpc.models.training.options import FitOptions
from dwcpc.models.training.plots import plot_history
from dwcpc.models.training.run_files import CALIBRATION_FILE, HISTORY_PLOT, PLOTS
from dwcpc.models.training.threshold import threshold_at_false_positive_rate

if TYPE_CHECKING:
    from collections.abc import Callable

CALIBRATION_WINDOWS: Final = 256
SCORED_AT_ONCE: Final = 2048

FIT: Final = FitOptions(epochs=6, batch_rows=256, learning_rate=4e-3, weight_decay=1e-3)


@dataclass(frozen=True, slots=True)
class DetectorRecipe:
    """What to train; `noise` is added to scaled inputs while training."""

    features: FeatureChoice = "momentary"
    timesteps: int = 60
    noise: float = 0.1
    false_positives: float = FALSE_POSITIVES
    fit: FitOptions = field(default_factory=lambda: FIT)
    model: Literal["conv-lstm"] = "conv-lstm"

    @property
    def seed(self) -> int:
        """Of the split and of the training."""
        return self.fit.seed


@dataclass(frozen=True, slots=True)
class FittedDetector:
    """A network in eval mode behind its scaler. `columns` are those of all features that it reads."""

    module: ConvLstmDetector
    scaler: Any
    columns: NDArray[np.int64]
    timesteps: int

    def inputs(self, rows: LabelledRows, chosen: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the raw windows that end with the `chosen` rows."""
        return row_windows(rows, self.columns, self.timesteps).cut(chosen)

    def suspicion(self, rows: LabelledRows, chosen: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the probability of each of the `chosen` rows."""
        windows = row_windows(rows, self.columns, self.timesteps)
        parts = [chosen[at : at + SCORED_AT_ONCE] for at in range(0, len(chosen), SCORED_AT_ONCE)]
        with torch.no_grad():
            answers = [self.module(_scaled(self.scaler, windows.cut(part))) for part in parts]
        return torch.cat(answers).numpy().astype(np.float64)

    def save(self, folder: Path, _names: tuple[str, ...]) -> Path:
        """Write the state dict as `dwcpc compile` takes it; return its file."""
        path = folder / NETWORK
        with whole_file(path) as file:
            torch.save(self.module.state_dict(), file)
        return path


class CrossEntropy(nn.Module):
    """The mean of −log p of a window's label; `noise` is a standard deviation in scaled units."""

    def __init__(self, noise: float) -> None:
        """Nothing is learned here."""
        super().__init__()
        self.noise = noise

    def forward(self, module: ConvLstmDetector, x: Tensor, y: Tensor) -> Tensor:
        """Return the loss of a batch; `y` is 1 where something is or goes wrong."""
        seen = x + self.noise * torch.randn_like(x) if self.noise and module.training else x
        return nn.functional.binary_cross_entropy_with_logits(module.logit(seen), y)


def train_detector(
    rows: LabelledRows,
    split: Split,
    recipe: DetectorRecipe,
    folder: Path,
    say: Callable[[str], None] = lambda _: None,
    *,
    resume: Path | None = None,
) -> TrainedNodes:
    """Train by `recipe` on the windows that end in `split.train`; the test is not looked at.

    Checkpoints, history, logs and calibration windows go into `folder`; the epoch with the lowest loss of validation
    windows is kept.
    """
    from sklearn.preprocessing import RobustScaler

    check_rows(rows, split)
    folder.mkdir(parents=True, exist_ok=True)
    if resume is None:
        forget_earlier(folder)
    columns = chosen_features(recipe.features, rows, split.train, recipe.seed)
    scaler = RobustScaler().fit(rows.x[split.train][:, columns])
    windows = row_windows(rows, columns, recipe.timesteps)
    train, validation = (
        Rows(_scaled(scaler, windows.cut(part)), _labels(rows, part)) for part in (split.train, split.validation)
    )
    torch.manual_seed(recipe.seed)
    module = ConvLstmDetector(ConvLstmDetectorConfig(timesteps=recipe.timesteps, features=len(columns)))
    say(f"training on {len(split.train)} windows of {recipe.timesteps} samples, {len(columns)} features each")
    order = Order(train, validation, recipe.fit, folder, _task(recipe), resume)
    history = fit(module, CrossEntropy(recipe.noise), order, say)
    plot_history(folder / PLOTS / HISTORY_PLOT, history)
    model = FittedDetector(module, scaler, columns, recipe.timesteps)
    chosen = np.random.default_rng(recipe.seed).permutation(split.validation)[:CALIBRATION_WINDOWS]
    np.save(folder / CALIBRATION_FILE, windows.cut(chosen))
    validated = model.suspicion(rows, split.validation)
    threshold = threshold_at_false_positive_rate(validated, rows.label[split.validation], recipe.false_positives)
    return TrainedNodes(
        recipe=recipe,
        hyperparameters=dataclasses.asdict(recipe),
        spec=spec_of(recipe.features, rows, columns),
        scaler=scaler,
        model=model,
        threshold=threshold,
        seconds=sum(epoch.duration_s for epoch in history),
    )


def _scaled(scaler: Any, windows: NDArray[np.float32]) -> Tensor:
    return torch.from_numpy(scaler.transform(windows.reshape(-1, windows.shape[-1])).reshape(windows.shape))


def _labels(rows: LabelledRows, part: NDArray[np.int64]) -> Tensor:
    return torch.from_numpy(rows.label[part].astype(np.float32))


def _task(recipe: DetectorRecipe) -> str:
    """Return everything but the fit's own options: a checkpoint of another task is not resumed."""
    stated = {key: value for key, value in dataclasses.asdict(recipe).items() if key != "fit"}
    return f"nodes {stated}"

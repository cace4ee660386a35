"""The models of the precision table, as files: made once into a folder, and found there again.

The weights are random or trained for minutes on simulated rows (`models/demo/full_size.py`). The owners' trained
consensus autoencoder is one of them where its files are beside the checkout; there are no rows of its service, so it is
judged on drawn ones.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.scalers import load_scaler

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.compiler.scalers import Scaler
    from dwcpc.models.demo.full_size import Made

SEED = 11
MODEL_FILE = "table_model.json"  # written last: the others are whole when it is there

REAL = Path(__file__).resolve().parents[1] / ".." / "shared" / "real" / "consensus_latency"
REAL_THRESHOLD = 0.2918  # from the owners' report
REAL_EVALUATION_ROWS = 4096
REAL_MAGNITUDES = (0.3, 1.0)  # standard deviations of scaled values: scores come to lie on both sides of the threshold
AR_COEFFICIENT = 0.9

SIMULATED_WINDOWS = "3,072 simulated normal windows and 1,024 with a fault; calibrated on 512 others of either kind"
SIMULATED_LINKS = "4,096 windows of a simulated link; calibrated on 512 others"
DRAWN_WINDOWS = (
    "4,096 drawn windows, half of them smooth in time (AR(1), 0.9), half independent, each with a standard deviation "
    "of 0.3 to 1 in scaled units; calibrated on what the compiler draws"
)


@dataclass(frozen=True, slots=True)
class TableModel:
    """One model and what belongs to it; `weights` and `rows` say on the page where they come from."""

    name: str
    title: str
    weights: str
    rows: str
    artifact: Path
    scaler: Path
    target_scaler: Path | None
    threshold: float | None
    calibration: Path | None
    evaluation: Path


@dataclass(frozen=True, slots=True)
class Plan:
    """A model that the table is to have."""

    name: str
    title: str
    make: Callable[[Plan, Path], TableModel]


def make_model(plan: Plan, folder: Path, progress: Callable[[str], None]) -> TableModel:
    """Return the model of `plan` in `folder`, made there unless it already is."""
    file = folder / MODEL_FILE
    if file.exists():
        progress(f"{plan.name}: taken from {folder}")
        return _read(file)
    folder.mkdir(parents=True, exist_ok=True)
    progress(f"{plan.name}: making the model")
    begun = time.monotonic()
    model = plan.make(plan, folder)
    file.write_text(json.dumps(dataclasses.asdict(model), default=str, indent=1) + "\n", encoding="utf-8")
    progress(f"{plan.name}: made in {time.monotonic() - begun:.0f} s")
    return model


def chosen_plans(names: tuple[str, ...], plans: tuple[Plan, ...]) -> tuple[Plan, ...]:
    """Return the plans called so, all where none is; InputError for a name that there is not."""
    known = [plan.name for plan in plans]
    for name in names:
        if name not in known:
            raise InputError(f"--only {name}: names no model of the table, expected one of {', '.join(known)}")
    return tuple(plan for plan in plans if not names or plan.name in names)


def plans(real: Path = REAL) -> tuple[Plan, ...]:
    """Return every model of the table; the owners' where its folder is there."""
    return MADE if not real.is_dir() else (Plan("consensus_real", "The owners' consensus autoencoder", _real), *MADE)


def _read(file: Path) -> TableModel:
    import msgspec

    return msgspec.convert(
        json.loads(file.read_bytes()), TableModel, strict=False, dec_hook=lambda kind, text: kind(text)
    )


def _autoencoder(plan: Plan, folder: Path) -> TableModel:
    from dwcpc.models.demo import full_size

    sizes = full_size.RANDOM if plan.name.endswith("_random") else full_size.TRAINED_AUTOENCODER
    made = full_size.make_autoencoder(folder, sizes, seed=SEED)
    return _simulated(plan, folder, made, SIMULATED_WINDOWS)


def _predictor(plan: Plan, folder: Path) -> TableModel:
    from dwcpc.models.demo import full_size

    sizes = full_size.RANDOM if plan.name.endswith("_random") else full_size.TRAINED_PREDICTOR
    made = full_size.make_predictor(folder, sizes, seed=SEED)
    return _simulated(plan, folder, made, SIMULATED_LINKS)


MADE = (
    Plan("autoencoder_trained", "`lstm_attention_autoencoder`, trained", _autoencoder),
    Plan("autoencoder_random", "`lstm_attention_autoencoder`, random weights", _autoencoder),
    Plan("predictor_trained", "`bandwidth_predictor`, trained", _predictor),
    Plan("predictor_random", "`bandwidth_predictor`, random weights", _predictor),
)


def _simulated(plan: Plan, folder: Path, made: Made, rows: str) -> TableModel:
    from dwcpc.models.demo import full_size

    trained = plan.name.endswith("_trained")
    kind = "trained for minutes on simulated rows" if trained else "random weights and BatchNorm statistics"
    loss = (
        f"; mean squared error {made.validation_loss:.3f} on validation rows, {made.idle_loss:.3f} for always the mean"
    )
    target_scaler = folder / full_size.TARGET_SCALER
    return TableModel(
        name=plan.name,
        title=plan.title,
        weights=f"{made.parameters:,} parameters, {kind}{loss}",
        rows=rows,
        artifact=folder / full_size.MODEL,
        scaler=folder / full_size.SCALER,
        target_scaler=target_scaler if target_scaler.exists() else None,
        threshold=made.threshold,
        calibration=folder / full_size.CALIBRATION,
        evaluation=folder / full_size.EVALUATION,
    )


def _real(plan: Plan, folder: Path) -> TableModel:
    scaler = REAL / "consensus_scaler.pkl"
    evaluation = folder / "evaluation.npy"
    np.save(evaluation, drawn_windows(load_scaler(scaler).scaler, REAL_EVALUATION_ROWS, SEED))
    return TableModel(
        name=plan.name,
        title=plan.title,
        weights="`bilstm_attention_autoencoder`, trained by its owners",
        rows=DRAWN_WINDOWS,
        artifact=REAL / "consensus_latency_autoencoder.pth",
        scaler=scaler,
        target_scaler=None,
        threshold=REAL_THRESHOLD,
        calibration=None,
        evaluation=evaluation,
    )


def drawn_windows(scaler: Scaler, count: int, seed: int, timesteps: int = 30) -> NDArray[np.float32]:
    """Return raw windows `[count, timesteps, features]`: the first half smooth in time, each of its own magnitude."""
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((count, timesteps, scaler.features))
    smooth = z[: count // 2]
    for t in range(1, timesteps):
        smooth[:, t] = AR_COEFFICIENT * smooth[:, t - 1] + (1 - AR_COEFFICIENT**2) ** 0.5 * smooth[:, t]
    z *= rng.uniform(*REAL_MAGNITUDES, (count, 1, 1))
    return (np.array(scaler.center) + np.array(scaler.scale) * z).astype(np.float32)

"""The scaler of a table's features or targets, fitted on training rows alone, as `dwcpc compile --scaler` takes it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dwcpc.compiler.scalers import Scaler, load_scaler
from dwcpc.compiler.whole_file import whole_file


def write_robust_scaler(path: Path, rows: NDArray[np.floating], names: tuple[str, ...]) -> Scaler:
    """Fit on `rows` [rows, features], write JSON to `path` and return the scaler as the compiler reads it there."""
    from sklearn.preprocessing import RobustScaler

    fitted = RobustScaler().fit(rows.astype(np.float64))
    return write_scaler(path, "RobustScaler", fitted.center_, fitted.scale_, names)


def write_standard_scaler(path: Path, rows: NDArray[np.floating], names: tuple[str, ...]) -> Scaler:
    """Write mean and standard deviation, rounded to float32 as scikit-learn uses them; a constant's scale is 1.

    For columns whose quartiles are nearly one value while their peaks are what matters, such as loss.
    """
    wide = rows.astype(np.float64)
    spread = wide.std(axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    return write_scaler(path, "StandardScaler", wide.mean(axis=0).astype(np.float32), scale.astype(np.float32), names)


def write_scaler(
    path: Path, kind: str, center: NDArray[np.floating], scale: NDArray[np.floating], names: tuple[str, ...]
) -> Scaler:
    """Write a scaler's numbers as JSON to `path` and return it as the compiler reads it there."""
    content = {"type": kind, "center": center.tolist(), "scale": scale.tolist(), "feature_names": list(names)}
    with whole_file(path) as file:
        file.write(f"{json.dumps(content, indent=1)}\n".encode())
    return load_scaler(path).scaler

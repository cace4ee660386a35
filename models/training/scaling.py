"""The RobustScaler of a table's features, fitted on training rows alone, as `dwcpc compile --scaler` takes it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dwcpc.compiler.scalers import Scaler, load_scaler
from dwcpc.compiler.whole_file import whole_file


def write_robust_scaler(path: Path, rows: NDArray[np.floating], names: tuple[str, ...]) -> Scaler:
    """Fit on `rows` [rows, features], write JSON to `path` and return the scaler as the compiler reads it there."""
    from sklearn.preprocessing import RobustScaler

    fitted = RobustScaler().fit(rows.astype(np.float64))
    return write_scaler(path, fitted.center_.tolist(), fitted.scale_.tolist(), names)


def write_scaler(path: Path, center: Sequence[float], scale: Sequence[float], names: tuple[str, ...]) -> Scaler:
    """Write a RobustScaler's numbers as JSON to `path` and return the scaler as the compiler reads it there."""
    content = {"type": "RobustScaler", "center": list(center), "scale": list(scale), "feature_names": list(names)}
    with whole_file(path) as file:
        file.write(f"{json.dumps(content, indent=1)}\n".encode())
    return load_scaler(path).scaler

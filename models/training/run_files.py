"""What a run leaves behind, and how it is found again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.whole_file import whole_file

WEIGHTS_FILE: Final = "consensus.pth"
SCALER_FILE: Final = "consensus_scaler.json"
THRESHOLD_FILE: Final = "threshold.txt"
CALIBRATION_FILE: Final = "calibration.npy"
EVALUATION_FILE: Final = "evaluation.json"
CHECKPOINTS: Final = "checkpoints"
PLOTS: Final = "plots"
HISTORY_PLOT: Final = "history.png"


def is_run(folder: Path) -> bool:
    """Return whether `folder` is where a consensus model was trained."""
    return (folder / WEIGHTS_FILE).is_file()


def write_threshold(folder: Path, threshold: float) -> None:
    """Write the threshold as the shortest text that is read back as it is."""
    (folder / THRESHOLD_FILE).write_text(f"{threshold!r}\n", encoding="utf-8")


def read_threshold(folder: Path) -> float:
    """Return the threshold that the run chose."""
    path = folder / THRESHOLD_FILE
    try:
        return float(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as a number ({error}); train again, or give --threshold") from error


def write_json(path: Path, content: Any) -> None:
    """Write JSON, whole or not at all; NaN is an error, see `report.plain`."""
    with whole_file(path) as file:
        file.write(f"{json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)}\n".encode())

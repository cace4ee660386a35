"""What a run of the bandwidth recipe leaves behind, and how it is found again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dwcpc.compiler.errors import InputError, first_line
from dwcpc.compiler.features.reading import read_spec
from dwcpc.compiler.features.spec import FeatureSpec
from dwcpc.models.data.sequences import Forecast
from dwcpc.models.training.report import REPORT_FILE

WEIGHTS: Final = "bandwidth.pth"
SCALER: Final = "bandwidth_scaler.json"
TARGET_SCALER: Final = "bandwidth_target_scaler.json"
FEATURES: Final = "features.json"


@dataclass(frozen=True, slots=True)
class BandwidthRun:
    """Where the files of a run are, and what its model takes and predicts."""

    folder: Path
    spec: FeatureSpec
    forecast: Forecast
    timesteps: int


def is_bandwidth_run(folder: Path) -> bool:
    """Return whether `folder` is where a bandwidth model was trained."""
    return (folder / WEIGHTS).is_file()


def read_run(folder: Path) -> BandwidthRun:
    """Read what is not in the weights: features.json, and from the report what is predicted from how long a window."""
    report = read_report(folder)
    try:
        said: dict[str, Any] = report["forecast"]
        forecast = Forecast(tuple(said["targets"]), tuple(said["last"]), int(said["horizon"]))
        timesteps = int(report["recipe"]["timesteps"])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{folder / REPORT_FILE}: does not say what is predicted ({first_line(error)}), expected forecast and "
            "recipe.timesteps; train again"
        ) from error
    return BandwidthRun(folder, read_spec(folder / FEATURES), forecast, timesteps)


def read_report(folder: Path) -> dict[str, Any]:
    """Read TRAINING_REPORT.json as it stands."""
    path = folder / REPORT_FILE
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: cannot be read ({first_line(error)}), expected the run's report; train again"
        ) from error
    if not isinstance(report, dict):
        raise InputError(f"{path}: holds no object, expected the run's report; train again")
    return report

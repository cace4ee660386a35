"""What a run of the node recipe leaves to look at: each curve as JSON, as TensorBoard reads it, and as a plot."""

from __future__ import annotations

import shutil
from pathlib import Path

from dwcpc.models.evaluation.figure import drawn
from dwcpc.models.training.history import HISTORY_FILE
from dwcpc.models.training.node_estimators import History
from dwcpc.models.training.run_files import CALIBRATION_FILE, CHECKPOINTS, HISTORY_PLOT, PLOTS, write_json
from dwcpc.models.training.tensorboard import FOLDER as TENSORBOARD
from dwcpc.models.training.tensorboard import Scalars

METRICS = {"logloss": "log loss", "aucpr": "PR-AUC"}


def forget_earlier(folder: Path) -> None:
    """Remove what an earlier run left in `folder` of its training, which may have been of another model."""
    for name in (TENSORBOARD, CHECKPOINTS):
        shutil.rmtree(folder / name, ignore_errors=True)
    for stale in (HISTORY_FILE, CALIBRATION_FILE, f"{PLOTS}/{HISTORY_PLOT}"):
        (folder / stale).unlink(missing_ok=True)


def write_tree_logs(folder: Path, history: History) -> None:
    """Write the curves, a point a tree, over those of an earlier run; none of what does not grow by trees."""
    forget_earlier(folder)
    if not history:
        return
    write_json(folder / HISTORY_FILE, history)
    with Scalars(folder) as scalars:
        for name, values in history.items():
            part, _, metric = name.partition("_")
            for at, value in enumerate(values):
                scalars.point(f"{metric}/{part}", value, at + 1)
    with drawn(folder / PLOTS / HISTORY_PLOT, len(METRICS)) as panels:
        for axes, (metric, told) in zip(panels, METRICS.items(), strict=True):
            for part in ("train", "validation"):
                values = history[f"{part}_{metric}"]
                axes.plot(range(1, len(values) + 1), values, label=part)
            axes.set(xlabel="trees", ylabel=told)
            axes.legend()

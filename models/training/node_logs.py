"""What a run of the node recipe leaves to look at: TensorBoard logs and plots."""

from __future__ import annotations

import shutil
from pathlib import Path

from dwcpc.models.evaluation.figure import drawn
from dwcpc.models.training.node_estimators import History
from dwcpc.models.training.run_files import PLOTS
from dwcpc.models.training.tensorboard import FOLDER as TENSORBOARD
from dwcpc.models.training.tensorboard import Scalars

HISTORY_PLOT = "history.png"
METRICS = {"logloss": "log loss", "aucpr": "PR-AUC"}


def write_tree_logs(folder: Path, history: History) -> None:
    """Write a point of each curve a tree for TensorBoard, and draw the curves; none for what does not grow by trees.

    Those of an earlier run in `folder` are removed.
    """
    shutil.rmtree(folder / TENSORBOARD, ignore_errors=True)
    (folder / PLOTS / HISTORY_PLOT).unlink(missing_ok=True)
    if not history:
        return
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

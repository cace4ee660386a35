"""What the figures of a detector and of a regressor are drawn from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dwcpc.models.evaluation.classification import precision_recall, roc
from dwcpc.models.evaluation.figure import drawn


def plot_detection(path: Path, anomalous: NDArray[np.bool_], score: NDArray[np.floating], threshold: float) -> None:
    """Draw the distributions of the scores, the ROC curve and precision over recall."""
    log_score = np.log10(np.maximum(score.astype(np.float64), 1e-12))
    bins = np.linspace(log_score.min(), log_score.max() + 1e-9, 60).tolist()
    precision, recall, _ = precision_recall(anomalous, score)
    false, found = roc(anomalous, score)
    with drawn(path, 3) as (scores, curve, trade):
        scores.hist([log_score[~anomalous], log_score[anomalous]], bins, label=["normal", "anomaly"], stacked=True)
        scores.axvline(np.log10(max(threshold, 1e-12)), color="black", linestyle="--", label="threshold")
        scores.set(xlabel="log₁₀ of the score", ylabel="windows", yscale="log")
        scores.legend()
        curve.plot(false, found)
        curve.set(xlabel="false-positive rate", ylabel="recall", xlim=(-0.01, 0.2), ylim=(0.8, 1.005))
        trade.plot(recall, precision)
        trade.set(xlabel="recall", ylabel="precision", xlim=(0.8, 1.005), ylim=(0.8, 1.005))


def plot_reconstruction(
    path: Path, names: Sequence[str], error: NDArray[np.floating], anomalous: NDArray[np.bool_]
) -> None:
    """Draw the mean error of each feature, of normal windows and of anomalies; `error` is [windows, features]."""
    place = np.arange(len(names))
    with drawn(path, 1) as (axes,):
        for at, (label, rows) in enumerate((("normal", ~anomalous), ("anomaly", anomalous))):
            height = np.maximum(error[rows].mean(axis=0), 1e-9) if rows.any() else np.full(len(names), 1e-9)
            axes.barh(place + 0.4 * at, height, 0.4, label=label)
        axes.set_yticks(place + 0.2, list(names))
        axes.set(xlabel="mean (x − y)², scaled", xscale="log")
        axes.legend()


def plot_predictions(
    path: Path, names: Sequence[str], actual: NDArray[np.floating], predicted: NDArray[np.floating]
) -> None:
    """Draw what was predicted over what was measured, a target each; both are [samples, targets]."""
    with drawn(path, len(names)) as panels:
        for at, (axes, name) in enumerate(zip(panels, names, strict=True)):
            axes.scatter(actual[:, at], predicted[:, at], s=3, alpha=0.4)
            ends = [float(actual[:, at].min()), float(actual[:, at].max())]
            axes.plot(ends, ends, color="black", linewidth=1)
            axes.set(xlabel=f"{name}, measured", ylabel="predicted")

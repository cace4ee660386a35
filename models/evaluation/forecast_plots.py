"""What a forecaster's figures are drawn from: predicted over actual, and the distributions of the errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dwcpc.models.evaluation.figure import drawn
from dwcpc.models.evaluation.plots import plot_predictions

DRAWN: Final = 4000
"""Points of a panel, taken evenly: more is one spot of ink."""
WIDEST: Final = 0.995
"""Quantile of the errors' magnitudes, of the model that errs most, at which the axis ends."""


def plot_forecasts(
    path: Path, names: Sequence[str], actual: NDArray[np.floating], answers: Mapping[str, NDArray[np.floating]]
) -> None:
    """Draw the last of `answers` over `actual`, and beside `path` as NAME-errors.png all their errors."""
    model = list(answers)[-1]
    step = max(1, len(actual) // DRAWN)
    plot_predictions(path, names, actual[::step], answers[model][::step])
    plot_errors(path.with_name(f"{path.stem}-errors{path.suffix}"), names, actual, answers)


def plot_errors(
    path: Path, names: Sequence[str], actual: NDArray[np.floating], answers: Mapping[str, NDArray[np.floating]]
) -> None:
    """Draw how often each model errs by how much, a target each; all are [samples, targets]."""
    with drawn(path, len(names)) as panels:
        for at, (axes, name) in enumerate(zip(panels, names, strict=True)):
            errors = {model: answer[:, at] - actual[:, at] for model, answer in answers.items()}
            end = max(float(np.quantile(np.abs(each), WIDEST)) for each in errors.values()) or 1.0
            bins = np.linspace(-end, end, 81).tolist()
            for model, each in errors.items():
                axes.hist(each.clip(-end, end), bins, histtype="step", label=model)
            axes.set(xlabel=f"{name}, predicted − measured", ylabel="windows", yscale="log")
            axes.locator_params(axis="x", nbins=4)
            axes.legend(fontsize="x-small")

"""Evaluations of forecasters as a table for the terminal, and as Markdown: a row for each target of each model."""

from __future__ import annotations

import math
from collections.abc import Sequence

from dwcpc.models.evaluation.aligned import aligned
from dwcpc.models.evaluation.forecast_evaluation import ForecastEvaluation, TargetEvaluation

HEADINGS = ("data", "samples", "target", "model", "MAE", "RMSE", "MAPE", "R²", "correlation", "from", "within")
NOTE = (
    "from: lower end of the correlation's 95 % interval, by whole links or blocks of neighbouring windows; within: "
    "correlation of what differs from each link's mean; MAPE in brackets means little, as the target is near zero"
)


def told(evaluations: Sequence[ForecastEvaluation]) -> str:
    """Return the table: targets one below the other, and in each the models."""
    rows = [HEADINGS, *_rows(evaluations)]
    return "\n".join([*aligned(rows, left=4), "", NOTE])


def markdown(evaluations: Sequence[ForecastEvaluation]) -> str:
    """Return the same rows as a Markdown table."""
    lines = [f"| {' | '.join(HEADINGS)} |", f"|{'---|' * len(HEADINGS)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in _rows(evaluations))])


def _rows(evaluations: Sequence[ForecastEvaluation]) -> list[tuple[str, ...]]:
    rows = []
    for data in dict.fromkeys(each.data for each in evaluations):
        of_data = [each for each in evaluations if each.data == data]
        for target in of_data[0].targets:
            for place, each in enumerate(of_data):
                named = (data, f"{each.samples:,}", target) if place == 0 else ("", "", "")
                rows.append((*named, each.model, *_figures(each.targets[target])))
    return rows


def _figures(found: TargetEvaluation) -> tuple[str, ...]:
    figures = found.figures
    mape = "–" if math.isnan(figures.mape) else f"{100 * figures.mape:.2f} %"
    return (
        f"{figures.mae:.4g}",
        f"{figures.rmse:.4g}",
        f"({mape})" if found.near_zero else mape,
        *(
            _digits(each)
            for each in (figures.r2, figures.correlation, found.intervals["correlation"].low, found.within)
        ),
    )


def _digits(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.4f}"

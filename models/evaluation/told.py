"""Evaluations as a table for the terminal, and as Markdown."""

from __future__ import annotations

import math
from collections.abc import Sequence

from dwcpc.models.evaluation.aligned import aligned
from dwcpc.models.evaluation.detection import DetectionEvaluation

HEADINGS = (
    "model",
    "data",
    "windows",
    "anomalies",
    "accuracy",
    "detection",
    "precision",
    "recall",
    "F1",
    "ROC-AUC",
    "PR-AUC",
    "edges",
)
INTERVALS = ("accuracy", "detection_accuracy", "precision", "recall", "f1", "roc_auc", "pr_auc")


def told(evaluations: Sequence[DetectionEvaluation]) -> str:
    """Return the table with the lower ends of the intervals below each row, the kinds, and what the columns are."""
    rows: list[tuple[str, ...]] = [HEADINGS]
    for evaluation in evaluations:
        rows += [_row(evaluation), _low_row(evaluation)]
    lines = [*aligned(rows, left=2), "", "found of each kind"]
    lines += [f"  {evaluation.model}, {evaluation.data}: {_kinds(evaluation)}" for evaluation in evaluations]
    return "\n".join(
        [
            *lines,
            "",
            "≥: lower end of the 95 % interval, by blocks of neighbouring windows; detection: (precision + recall) / 2",
        ]
    )


def markdown(evaluations: Sequence[DetectionEvaluation]) -> str:
    """Return the same figures as a Markdown table, with each lower end in brackets."""
    lines = [f"| {' | '.join(HEADINGS)} |", f"|{'---|' * len(HEADINGS)}"]
    for evaluation in evaluations:
        lows = _low_row(evaluation)
        cells = [f"{cell} ({low})" if low else cell for cell, low in zip(_row(evaluation), lows, strict=True)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def percent(share: float) -> str:
    """Return a share as percent, two digits behind the point, as thresholds of the owners are told."""
    return "–" if math.isnan(share) else f"{100 * share:.2f} %"


def _row(evaluation: DetectionEvaluation) -> tuple[str, ...]:
    figures = evaluation.figures
    return (
        evaluation.model,
        evaluation.data,
        f"{evaluation.windows:,}",
        percent(evaluation.anomalies / evaluation.windows),
        *(percent(getattr(figures, name)) for name in INTERVALS),
        f"{evaluation.edge_flagged}/{evaluation.edge_windows}",
    )


def _low_row(evaluation: DetectionEvaluation) -> tuple[str, ...]:
    lows = (f"≥ {percent(evaluation.intervals[name].low)}" for name in INTERVALS)
    return ("", "", "", "", *lows, "")


def _kinds(evaluation: DetectionEvaluation) -> str:
    return ", ".join(f"{each.kind} {each.found}/{each.windows}" for each in evaluation.kinds)

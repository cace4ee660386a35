"""Evaluations of node reliability as a table for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dwcpc.models.evaluation.aligned import aligned
from dwcpc.models.evaluation.grouped_classification import Evaluation
from dwcpc.models.evaluation.told import percent

HEADINGS = ("model", "recall", "false positives", "precision", "accuracy", "detection", "F1", "ROC-AUC", "PR-AUC")
FIGURES = ("recall", "false_positive_rate", "precision", "accuracy", "detection_accuracy", "f1", "roc_auc", "pr_auc")


@dataclass(frozen=True, slots=True)
class NodeEvaluation:
    """One model on one set of rows; `recall_by_cause` is empty where causes are not known."""

    model: str
    data: str
    evaluation: Evaluation
    recall_by_cause: dict[str, float]


def told(evaluations: Sequence[NodeEvaluation]) -> str:
    """Return a table for each set of rows, with the intervals below each row, and what is found of each cause."""
    lines: list[str] = []
    for data in dict.fromkeys(each.data for each in evaluations):
        chosen = [each for each in evaluations if each.data == data]
        rows: list[tuple[str, ...]] = [HEADINGS]
        for each in chosen:
            rows += [_row(each), _intervals(each)]
        lines += [f"{data}: {chosen[0].evaluation.rows:,} rows of {chosen[0].evaluation.groups} groups"]
        lines += [*aligned(rows, left=1), *(_causes(each) for each in chosen if each.recall_by_cause), ""]
    return "\n".join(
        [*lines, "in brackets the 95 % interval, by drawing whole groups; detection: (precision + recall) / 2"]
    )


def _row(evaluation: NodeEvaluation) -> tuple[str, ...]:
    figures = evaluation.evaluation.figures
    return (evaluation.model, *(percent(getattr(figures, name)) for name in FIGURES))


def _intervals(evaluation: NodeEvaluation) -> tuple[str, ...]:
    intervals = (evaluation.evaluation.intervals[name] for name in FIGURES)
    return ("", *(f"[{100 * each.low:.2f}, {100 * each.high:.2f}]" for each in intervals))


def _causes(evaluation: NodeEvaluation) -> str:
    found = ", ".join(f"{cause} {percent(share)}" for cause, share in evaluation.recall_by_cause.items())
    return f"  {evaluation.model} finds: {found}"

"""Reports of the node recipe as text: a run for the terminal, and several runs as the table of docs/training.md.

    python -m dwcpc.models.training.node_table OUT...

prints that table from the TRAINING_REPORT.json of each folder.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from dwcpc.models.training.node_artifacts import REPORT, Judged, TrainingReport, read_report

HEAD = (
    "model",
    "features",
    "on",
    "recall, %",
    "false positives, %",
    "precision, %",
    "accuracy, %",
    "detection accuracy, %",
    "F1, %",
    "ROC-AUC",
    "PR-AUC",
)


def described(report: TrainingReport, out: Path) -> str:
    """Return what the command line says of a run."""
    lines = [
        f"{report.model}   {len(report.feature_names)} features   {report.artifact_bytes / 1e6:.2f} MB   "
        f"trained in {report.training_seconds:.0f} s on {report.rows['train']} rows",
        f"  threshold  {report.threshold:.6g}   {report.threshold_rule}",
    ]
    lines += [f"  {_line(judged)}" for judged in (report.validation, report.test, *report.elsewhere)]
    for served in report.served:
        lines += [
            f"  {_line(served.judged)}",
            f"  compiled   {served.verdict}; {served.decisions_changed} decisions changed; "
            f"most fell {served.metric_that_fell_most}, by {100 * served.fall:.4f} points",
        ]
    return "\n".join([*lines, f"{out / REPORT}"])


def table(reports: list[TrainingReport]) -> str:
    """Return the runs as Markdown: held-out nodes and times, other fleets, and the bundle in Go."""
    lines = [HEAD, ("---",) * len(HEAD)]
    for report in reports:
        lines += [(report.model, str(len(report.feature_names)), *_cells(judged)) for judged in _shown(report)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _shown(report: TrainingReport) -> Iterator[Judged]:
    yield report.test
    yield from (served.judged for served in report.served)
    yield from report.elsewhere


def _cells(judged: Judged) -> tuple[str, ...]:
    found = judged.evaluation.figures
    return (
        judged.on,
        *(f"{100 * getattr(found, name):.2f} {_between(judged, name)}" for name in ("recall", "false_positive_rate")),
        *(f"{100 * getattr(found, name):.2f}" for name in ("precision", "accuracy", "detection_accuracy", "f1")),
        f"{found.roc_auc:.4f}",
        f"{found.pr_auc:.4f}",
    )


def _line(judged: Judged) -> str:
    found = judged.evaluation.figures
    return (
        f"recall {100 * found.recall:.2f} % {_between(judged, 'recall')}   "
        f"false positives {100 * found.false_positive_rate:.2f} % {_between(judged, 'false_positive_rate')}   "
        f"accuracy {100 * found.accuracy:.2f} %   ROC-AUC {found.roc_auc:.4f}   {judged.on}"
    )


def _between(judged: Judged, name: str) -> str:
    """Return the ends of a figure's interval, in percent."""
    interval = judged.evaluation.intervals[name]
    return f"[{100 * interval.low:.2f}, {100 * interval.high:.2f}]"


if __name__ == "__main__":
    sys.stdout.write(table([read_report(Path(folder)) for folder in sys.argv[1:]]) + "\n")

"""Runs of `dwcpc train consensus`, federated or not, as the table of docs/federated.md.

    python -m dwcpc.models.training.federated.run_table FOLDER...

prints it from the evaluation.json of each folder, which it calls by the folder's name.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from dwcpc.models.evaluation.detection import DetectionEvaluation
from dwcpc.models.training.run_files import EVALUATION_FILE

FIGURES: Final = {
    "accuracy": "accuracy",
    "detection_accuracy": "detection accuracy",
    "precision": "precision",
    "recall": "recall",
    "roc_auc": "ROC-AUC",
}


def table(folders: list[Path]) -> str:
    """Return each run on each of its tests as Markdown, percentages with their 95 % intervals."""
    head = ("run", "data", *(f"{name}, %" for name in FIGURES.values()))
    rows = [head, ("---",) * len(head)]
    rows += [_cells(folder.name, each) for folder in folders for each in _evaluations(folder)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def _evaluations(folder: Path) -> Iterator[DetectionEvaluation]:
    yield from msgspec.json.decode((folder / EVALUATION_FILE).read_bytes(), type=list[DetectionEvaluation])


def _cells(run: str, evaluation: DetectionEvaluation) -> tuple[str, ...]:
    figures = []
    for name in FIGURES:
        interval = evaluation.intervals[name]
        value = getattr(evaluation.figures, name)
        figures.append(f"{100 * value:.2f} [{100 * interval.low:.2f}, {100 * interval.high:.2f}]")
    return (run, evaluation.data, *figures)


if __name__ == "__main__":
    sys.stdout.write(table([Path(folder) for folder in sys.argv[1:]]) + "\n")

"""The evaluation of a detector on one set of windows: overall, by kind of anomaly, and at the edges of incidents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dwcpc.models.data.windows import Windows
from dwcpc.models.evaluation.bootstrap import Interval, blocks_of, bootstrap
from dwcpc.models.evaluation.classification import (
    Confusion,
    DetectionFigures,
    Judge,
    confusion_of,
    detection_figures,
)

SEED: Final = 0


@dataclass(frozen=True, slots=True)
class KindFigures:
    """How many windows of a kind of anomaly there are, and how many were found."""

    kind: str
    windows: int
    found: int


@dataclass(frozen=True, slots=True)
class DetectionEvaluation:
    """`data` and `model` name what was judged on what.

    Edge windows show only the first or the last steps of an incident; they are counted in `edge_windows` and, as
    flagged, in `edge_flagged`, and in nothing else but `with_edges`, where each counts as an anomaly.
    """

    data: str
    model: str
    threshold: float
    windows: int
    anomalies: int
    confusion: Confusion
    figures: DetectionFigures
    intervals: dict[str, Interval]
    kinds: tuple[KindFigures, ...]
    edge_windows: int
    edge_flagged: int
    with_edges: DetectionFigures


def evaluate_detection(
    data: str, model: str, windows: Windows, score: NDArray[np.floating], threshold: float
) -> DetectionEvaluation:
    """Judge the `score` of each of `windows`, edge windows included."""
    clear = ~windows.edge
    judged, judged_score = windows.clear(), score[clear]
    anomalous = judged.anomalous
    flagged = score.astype(np.float64) > threshold
    judge = Judge(anomalous, judged_score, flagged[clear])
    return DetectionEvaluation(
        data=data,
        model=model,
        threshold=threshold,
        windows=len(judged),
        anomalies=int(anomalous.sum()),
        confusion=confusion_of(anomalous, flagged[clear]),
        figures=judge.figures(),
        intervals=bootstrap(
            blocks_of(judged.group, judged.begin),
            judge.figures,
            seed=SEED,
        ),
        kinds=_kinds(judged, flagged[clear]),
        edge_windows=int(windows.edge.sum()),
        edge_flagged=int(flagged[windows.edge].sum()),
        with_edges=detection_figures(windows.anomalous_steps > 0, score, threshold),
    )


def _kinds(windows: Windows, flagged: NDArray[np.bool_]) -> tuple[KindFigures, ...]:
    kinds = np.unique(windows.kind[windows.anomalous])
    of_kind = [windows.anomalous & (windows.kind == kind) for kind in kinds]
    return tuple(
        KindFigures(str(kind) or "unnamed", int(rows.sum()), int(flagged[rows].sum()))
        for kind, rows in zip(kinds, of_kind, strict=True)
    )

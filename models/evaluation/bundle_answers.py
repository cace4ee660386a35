"""What a compiled bundle says of rows: the figures of what is served, not of what was trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dwcpc.compiler.bundle import open_bundle
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.metadata import Decision
from dwcpc.parity.runners.go import GoRuntime

BATCH = 4096  # rows a call: each row's answer is the same in any batch


@dataclass(frozen=True, slots=True)
class BundleAnswers:
    """`score` float64 [rows], higher where more suspect; `flagged` bool [rows]."""

    score: NDArray[np.float64]
    flagged: NDArray[np.bool_]


def bundle_answers(bundle: Path, rows: NDArray[np.float32]) -> BundleAnswers:
    """Run raw rows, or windows, through the Go harness; what is flagged is the bundle's own decision.

    That is an anomaly, a label of 1, or of a detector a probability at or above its threshold.
    """
    opened = open_bundle(bundle)
    return answers_of(GoRuntime().run(opened, rows, BATCH).outputs, opened.metadata.decision, str(bundle))


def answers_of(outputs: Mapping[str, NDArray[Any]], decision: Decision | None, whose: str) -> BundleAnswers:
    """Return the answers in the outputs of a bundle, or in a source model's by the same names; by Go or by Python."""
    if decision is not None and decision.flag is None and decision.comparison == ">=":
        score = outputs[decision.score].astype(np.float64)
        return BundleAnswers(score, score >= decision.threshold)
    if "anomaly" in outputs:
        return BundleAnswers(-outputs["anomaly_score"].astype(np.float64), outputs["anomaly"] == 1)
    if "probability" not in outputs or outputs["probability"].shape[1] != 2:
        raise InputError(f"{whose}: gives {', '.join(outputs)}, expected two classes or anomalies; choose its bundle")
    return BundleAnswers(outputs["probability"][:, 1].astype(np.float64), outputs["label"] == 1)

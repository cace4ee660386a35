"""Spearman's rank correlation of the anomaly scores: an operator who moves the threshold must find the same order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dwcpc.compiler.metadata import CheckResult
from dwcpc.compiler.signature import SCORE_OUTPUT
from dwcpc.parity.cases import CALIBRATION, TYPICAL, WIDE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.parity.checks.base import Comparison

# The scores of the other groups lie too close together for an order to mean anything.
RANKED_GROUPS = (TYPICAL, CALIBRATION, WIDE)
MAX_LOSS = 1e-4
FEWEST_ROWS = 128  # two neighbours that change places cost 12/n³: with fewer rows that alone would be too much


def ranking(comparison: Comparison) -> list[CheckResult]:
    """Report 1 − ρ of the score on the groups of ordinary rows."""
    reference = comparison.reference.outputs.get(SCORE_OUTPUT)
    if reference is None or comparison.reference.name not in RANKED_GROUPS or len(reference) < FEWEST_ROWS:
        return []
    loss = 1.0 - float(np.corrcoef(_ranks(reference), _ranks(comparison.outputs[SCORE_OUTPUT]))[0, 1])
    return [
        CheckResult(
            check="ranking",
            runtime=comparison.runtime,
            output=SCORE_OUTPUT,
            group=comparison.reference.name,
            worst=max(0.0, loss) if np.isfinite(loss) else 1.0,
            limit=MAX_LOSS,
            rows=len(reference),
            passed=bool(loss <= MAX_LOSS),
        )
    ]


def _ranks(values: NDArray[np.floating]) -> NDArray[np.float64]:
    ranks = np.empty(len(values))
    ranks[np.argsort(values, kind="stable")] = np.arange(len(values))
    return ranks

"""Spearman's rank correlation of the anomaly scores: an operator who moves the threshold must find the same order.

Of a model of reduced precision, whose decisions may flip within a tolerance that is not rounding, no more order is lost
than by scores that are off by half of it, up and down in turn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dwcpc.compiler.metadata import CheckResult
from dwcpc.compiler.signature import SCORE_OUTPUT
from dwcpc.parity.cases import CALIBRATION, TYPICAL, WIDE
from dwcpc.parity.checks.finiteness import as_float32

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.parity.checks.base import Comparison
    from dwcpc.parity.runners.base import Values

# The scores of the other groups lie too close together for an order to mean anything.
RANKED_GROUPS = (TYPICAL, CALIBRATION, WIDE)
MAX_LOSS = 1e-4
FEWEST_ROWS = 128  # two neighbours that change places cost 12/n³: with fewer rows that alone would be too much


def ranking(comparison: Comparison) -> list[CheckResult]:
    """Report 1 − ρ of the score on the groups of ordinary rows."""
    reference = comparison.reference.outputs.get(SCORE_OUTPUT)
    if reference is None or comparison.reference.name not in RANKED_GROUPS or len(reference) < FEWEST_ROWS:
        return []
    limit = MAX_LOSS
    allowed = comparison.reference.allowance
    if allowed is not None:
        shift = np.where(np.arange(len(reference)) % 2 == 0, 0.5, -0.5) * allowed.of_decision(reference)
        limit = max(limit, _loss(reference, as_float32(reference + shift)))
    loss = _loss(reference, comparison.outputs[SCORE_OUTPUT])
    return [
        CheckResult(
            check="ranking",
            runtime=comparison.runtime,
            output=SCORE_OUTPUT,
            group=comparison.reference.name,
            worst=max(0.0, loss) if np.isfinite(loss) else 1.0,
            limit=limit,
            rows=len(reference),
            passed=bool(loss <= limit),
        )
    ]


def _loss(reference: NDArray[Any], scores: Values) -> float:
    expected, found = _ranks(as_float32(reference)), _ranks(scores)
    if np.array_equal(expected, found):  # also where all scores are one, which correlate with nothing
        return 0.0
    with np.errstate(invalid="ignore"):
        return 1.0 - float(np.corrcoef(expected, found)[0, 1])


def _ranks(values: Values) -> NDArray[np.float64]:
    """Return the rank of each value; equal ones share the mean of theirs, as the scores of trees often are equal."""
    _, index, count = np.unique(values, return_inverse=True, return_counts=True, equal_nan=False)
    mean: NDArray[np.float64] = np.cumsum(count) - (count + 1) / 2
    return mean[index.reshape(-1)]

"""The decision at the embedded threshold.

Where the score decides, a flip farther from the threshold than the score's tolerance is a failure. Where an output of
its own is the decision, the graph has taken it before anything was rounded, and any flip is.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from dwcpc.compiler.metadata import CheckResult

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.compiler.metadata import Decision
    from dwcpc.parity.checks.base import Comparison
    from dwcpc.parity.runners.base import Outputs

COMPARISONS = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}


def decisions(comparison: Comparison) -> list[CheckResult]:
    """Count the flips farther from the threshold than the row's tolerance; the note counts those nearer."""
    decision = comparison.decision
    if decision is None or not len(comparison.reference.rows):
        return []
    reference = comparison.reference.outputs[decision.score].astype(np.float64)
    allowed = comparison.reference.allowance
    given = comparison.reference.tolerance[decision.score] if allowed is None else allowed.of_decision(reference)
    tolerance = np.broadcast_to(given, reference.shape)
    distance = np.abs(reference - decision.threshold)
    # Where the reference is no number, it is `finiteness` that judges.
    flipped = flips(decision, comparison.reference.outputs, comparison.outputs) & np.isfinite(distance)
    excused = distance <= tolerance if decision.flag is None else np.zeros(len(distance), bool)
    far = int((flipped & ~excused).sum())
    near = int(flipped.sum()) - far
    within = f"{near} within rounding of the threshold, " if near else ""
    return [
        CheckResult(
            check="decisions",
            runtime=comparison.runtime,
            output=decision.score if decision.flag is None else decision.flag,
            group=comparison.reference.name,
            worst=float(far),
            limit=0.0,
            rows=len(reference),
            passed=far == 0,
            note=f"{within}nearest row {distance.min():.2g} off the threshold",
        )
    ]


def flips(decision: Decision, reference: dict[str, NDArray[Any]], candidate: Outputs) -> NDArray[np.bool_]:
    """Return the rows that are an anomaly on one side and not on the other; scores are compared as float64."""
    flipped: NDArray[np.bool_]
    if decision.flag is not None:
        flipped = reference[decision.flag] != candidate[decision.flag]
        return flipped
    is_anomaly = COMPARISONS[decision.comparison]
    flipped = is_anomaly(reference[decision.score].astype(np.float64), decision.threshold) != is_anomaly(
        candidate[decision.score].astype(np.float64), decision.threshold
    )
    return flipped

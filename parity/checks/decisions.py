"""The decision at the embedded threshold.

Where the score decides, a flip farther from the threshold than the score's tolerance is a failure. Where an output of
its own is the decision, the graph has taken it before anything was rounded, and any flip is, except in rows that the
source itself decides by the rounding of its sums.
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
    """Count the flips that nothing excuses; the note counts the others."""
    decision = comparison.decision
    if decision is None or not len(comparison.reference.rows):
        return []
    distance = np.abs(judged_score(decision, comparison.reference.outputs) - decision.threshold)
    # Where the reference is no number, it is `finiteness` that judges.
    flipped = flips(decision, comparison.reference.outputs, comparison.outputs) & np.isfinite(distance)
    far = int((flipped & ~_excused(comparison, decision, distance)).sum())
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
            rows=len(distance),
            passed=far == 0,
            note=f"{within}nearest row {distance.min():.2g} off the threshold",
        )
    ]


def farthest_flip(comparison: Comparison) -> float:
    """Return how far off the threshold a decision flips, at most, as a share of how far it may; 0 where none does.

    That is known of a model of reduced precision, whose score decides.
    """
    decision, allowed = comparison.decision, comparison.reference.allowance
    if decision is None or allowed is None or decision.flag is not None:
        return 0.0
    score = judged_score(decision, comparison.reference.outputs)
    flipped = flips(decision, comparison.reference.outputs, comparison.outputs) & np.isfinite(score)
    if not flipped.any():
        return 0.0
    tiny = np.finfo(np.float64).tiny
    shares = np.abs(score - decision.threshold) / np.maximum(allowed.of_decision(score), tiny)
    return float(shares[flipped].max())


def judged_score(decision: Decision, outputs: dict[str, NDArray[Any]]) -> NDArray[np.float64]:
    """Return what the threshold is compared with [rows]: the score, or of probabilities the last class's."""
    score = outputs[decision.score].astype(np.float64)
    judged: NDArray[np.float64] = score if score.ndim == 1 else score[:, -1]
    return judged


def _excused(comparison: Comparison, decision: Decision, distance: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return the rows that may flip: near the threshold, or in which the source is undecided itself."""
    reference = comparison.reference
    if decision.flag is not None:
        return np.isinf(np.broadcast_to(reference.tolerance[decision.flag], distance.shape))
    score = reference.outputs[decision.score].astype(np.float64)
    allowed = reference.allowance
    tolerance = reference.tolerance[decision.score] if allowed is None else allowed.of_decision(score)
    return np.asarray(distance <= np.broadcast_to(tolerance, distance.shape))


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

"""|candidate − reference| ≤ tolerance, element by element, where both are finite; float32 outputs alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dwcpc.compiler.metadata import CheckResult
from dwcpc.parity.checks.finiteness import as_float32

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.parity.checks.base import Comparison
    from dwcpc.parity.runners.base import Values


def closeness(comparison: Comparison) -> list[CheckResult]:
    """Report per output the error that is largest against its tolerance, and that tolerance."""
    outputs = comparison.outputs
    return [_judge(comparison, name) for name in comparison.reference.outputs if outputs[name].dtype != np.int64]


def excess(reference: NDArray[Any], candidate: Values, tolerance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return |candidate − reference| / tolerance, broadcast; 0 where either is not finite, ∞ where 0 is missed.

    Whole numbers are 1 apart or equal.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        if candidate.dtype == np.int64:
            error = (candidate != reference).astype(np.float64)
        else:
            error = np.abs(candidate.astype(np.float64) - reference)
        ratio = np.where(error == 0, 0.0, error / tolerance)
    return np.where(np.isfinite(as_float32(reference)) & np.isfinite(candidate), ratio, 0.0)


def _judge(comparison: Comparison, name: str) -> CheckResult:
    reference = comparison.reference.outputs[name]
    candidate = comparison.outputs[name]
    tolerance = comparison.reference.tolerance[name]
    compared = int(np.isfinite(as_float32(reference)).sum())
    where = {"check": "closeness", "runtime": comparison.runtime, "output": name, "group": comparison.reference.name}
    if not compared:
        return CheckResult(**where, worst=0.0, limit=0.0, rows=0, passed=False, note="nothing finite to compare")
    ratio = excess(reference, candidate, tolerance)
    at = np.unravel_index(int(ratio.argmax()), ratio.shape)
    limit = float(np.broadcast_to(tolerance, ratio.shape)[at])
    error = abs(float(candidate[at]) - float(reference[at]))
    worst = error if np.isfinite(error) else 0.0  # every finite element is exact; `finiteness` judges the others
    return CheckResult(**where, worst=worst, limit=limit, rows=len(reference), passed=bool(ratio[at] <= 1.0))

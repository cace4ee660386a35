"""NaN where the reference has NaN, the same infinity where it has one or leaves float32's range, a number elsewhere.

Whole numbers are always numbers, and are not judged here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dwcpc.compiler.metadata import CheckResult

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.parity.checks.base import Comparison
    from dwcpc.parity.runners.base import Values


def finiteness(comparison: Comparison) -> list[CheckResult]:
    """Count per output the elements whose kind (NaN, ±∞, number) differs; none may."""
    results = []
    for name, reference in comparison.reference.outputs.items():
        if comparison.outputs[name].dtype == np.int64:
            continue
        mismatches = int(kind_differs(reference, comparison.outputs[name]).sum())
        results.append(
            CheckResult(
                check="finiteness",
                runtime=comparison.runtime,
                output=name,
                group=comparison.reference.name,
                worst=float(mismatches),
                limit=0.0,
                rows=len(reference),
                passed=mismatches == 0,
            )
        )
    return results


def kind_differs(reference: NDArray[Any], candidate: Values) -> NDArray[np.bool_]:
    """Return where one is NaN and the other not, or one infinite and the other not the same infinity."""
    expected = as_float32(reference)
    nan = np.isnan(expected) != np.isnan(candidate)
    infinite = np.isinf(expected) | np.isinf(candidate)
    differs: NDArray[np.bool_] = nan | (infinite & (expected != candidate))
    return differs


def as_float32(reference: NDArray[Any]) -> NDArray[np.float32]:
    """Round a float64 reference to the outputs' own type; out of range becomes infinite, as it does there."""
    with np.errstate(over="ignore"):
        rounded: NDArray[np.float32] = reference.astype(np.float32)
    return rounded

"""NaN where the reference has NaN, the same infinity where it has one or leaves float32's range, a number elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dwcpc.compiler.metadata import CheckResult

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.parity.checks.base import Comparison


def finiteness(comparison: Comparison) -> list[CheckResult]:
    """Count per output the elements whose kind (NaN, ±∞, number) differs; none may."""
    results = []
    for name, reference in comparison.reference.outputs.items():
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


def kind_differs(reference: NDArray[np.floating], candidate: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return where one is NaN and the other not, or one infinite and the other not the same infinity."""
    expected = as_float32(reference)
    nan = np.isnan(expected) != np.isnan(candidate)
    infinite = np.isinf(expected) | np.isinf(candidate)
    differs: NDArray[np.bool_] = nan | (infinite & (expected != candidate))
    return differs


def as_float32(reference: NDArray[np.floating]) -> NDArray[np.float32]:
    """Round a float64 reference to the outputs' own type; out of range becomes infinite, as it does there."""
    with np.errstate(over="ignore"):
        return reference.astype(np.float32)

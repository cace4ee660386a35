"""Whole numbers, such as labels and the flag of an anomaly, are the source's in every row.

Except where the source's own answer depends on the order in which it adds: there the tolerance is infinite.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dwcpc.compiler.metadata import CheckResult

if TYPE_CHECKING:
    from dwcpc.parity.checks.base import Comparison


def labels(comparison: Comparison) -> list[CheckResult]:
    """Count per int64 output the rows that differ; the note counts those in which the source is undecided."""
    outputs = comparison.outputs
    return [_judge(comparison, name) for name in comparison.reference.outputs if outputs[name].dtype == np.int64]


def _judge(comparison: Comparison, name: str) -> CheckResult:
    reference = comparison.reference.outputs[name]
    differs = comparison.outputs[name] != reference
    undecided = np.isinf(np.broadcast_to(comparison.reference.tolerance[name], differs.shape))
    wrong, excused = int((differs & ~undecided).sum()), int((differs & undecided).sum())
    return CheckResult(
        check="labels",
        runtime=comparison.runtime,
        output=name,
        group=comparison.reference.name,
        worst=float(wrong),
        limit=0.0,
        rows=len(reference),
        passed=wrong == 0 and len(reference) > 0,
        note=f"{excused} more where the source's own sums decide by their rounding" if excused else "",
    )

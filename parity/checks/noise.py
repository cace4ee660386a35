"""The quantisation noise of a model of reduced precision: over all rows of a group, and in its worst row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dwcpc.compiler.metadata import CheckResult
from dwcpc.parity.fidelity import plain_sqnr_db, row_rms, sqnr_db

if TYPE_CHECKING:
    from dwcpc.parity.checks.base import Comparison


def noise(comparison: Comparison) -> list[CheckResult]:
    """Report −SQNR in dB against −floor, and the row that exceeds its allowance most; nothing for float32 parity."""
    reference = comparison.reference
    allowed = reference.allowance
    if allowed is None:
        return []
    name = next(iter(reference.outputs))
    f64, answer = reference.outputs[name], comparison.outputs[name]
    ratio = sqnr_db(f64, answer, allowed)
    plain = plain_sqnr_db(f64, answer, allowed)
    rms = np.nan_to_num(row_rms(f64, answer, allowed.unit), nan=np.inf)
    worst = int(np.argmax(rms / allowed.by_row))
    largest = min(float(rms[worst]), float(np.finfo(np.float64).max))  # metadata holds no infinity
    where = (comparison.runtime, name, reference.name)
    rows = len(f64)
    return [
        CheckResult(
            "noise", *where, -ratio, -allowed.floor_db, rows, ratio >= allowed.floor_db, f"{plain:.1f} dB plain"
        ),
        CheckResult(
            "row_noise",
            *where,
            worst=largest,
            limit=float(allowed.by_row[worst]),
            rows=rows,
            passed=bool(rms[worst] <= allowed.by_row[worst]),
        ),
    ]

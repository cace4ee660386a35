"""The golden vectors of a bundle: rows of the reference, and how far a runtime may be from its outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dwcpc.compiler.commands.judge import run_alone
from dwcpc.compiler.package import GoldenRows
from dwcpc.parity.reference import golden_part

if TYPE_CHECKING:
    from dwcpc.compiler.pipeline import Compiled
    from dwcpc.parity.reference import Reference

GOLDEN_MARGIN = 2.0  # of the error measured on golden rows: what another processor's rounding may add


def golden_rows(reference: Reference) -> list[GoldenRows]:
    """Return the golden rows under the tolerances of the reference."""
    groups = golden_part(reference).groups
    return [
        GoldenRows(
            group.name, group.rows, group.outputs, {name: tuple(t.tolist()) for name, t in group.tolerance.items()}
        )
        for group in groups
    ]


def measured_golden(compiled: Compiled, reference: Reference) -> list[GoldenRows]:
    """Return the golden rows of a reduced model: tolerances from its own error on them, as no rounding noise tells."""
    names = [tensor.name for tensor in compiled.built.outputs]
    groups = []
    for group in golden_part(reference).groups:
        answers = run_alone(compiled.built.model.SerializeToString(), group.rows, names)
        tolerance = {}
        for name, expected in group.outputs.items():
            error = np.abs(answers[name].astype(np.float64) - expected)
            largest = error.reshape(-1, error.shape[-1] if error.ndim > 1 else 1).max(axis=0)
            tolerance[name] = tuple((GOLDEN_MARGIN * largest + np.finfo(np.float32).eps).tolist())
        groups.append(GoldenRows(group.name, group.rows, group.outputs, tolerance))
    return groups

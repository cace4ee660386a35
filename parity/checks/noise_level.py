"""The median error against the source's own median rounding noise.

The tolerance of single rows must allow for the few that amplify rounding; an error that is small everywhere but larger
than rounding explains, such as one weight that lost digits, hides under it and shows here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dwcpc.compiler.metadata import CheckResult
from dwcpc.parity.tolerance import NOISE_FACTOR, SPREAD_FACTOR, relative_error, spread_of

if TYPE_CHECKING:
    from dwcpc.parity.checks.base import Comparison


def noise_level(comparison: Comparison) -> list[CheckResult]:
    """Report the median over the rows of the largest error relative to the output's spread."""
    results = []
    for name, level in comparison.reference.noise_level.items():
        reference = comparison.reference.outputs[name]
        error = relative_error(reference, comparison.outputs[name], spread_of(reference))
        median = float(np.median(error))
        limit = max(SPREAD_FACTOR, NOISE_FACTOR * level)
        results.append(
            CheckResult(
                check="noise_level",
                runtime=comparison.runtime,
                output=name,
                group=comparison.reference.name,
                worst=median if np.isfinite(median) else float(np.finfo(np.float64).max),
                limit=limit,
                rows=len(reference),
                passed=median <= limit,
            )
        )
    return results

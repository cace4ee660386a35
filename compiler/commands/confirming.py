"""The rows that confirm a choice of precision: drawn as the verdict's are, and none of them.

By these a choice may be dropped, so they are part of it; the verdict's rows are not, and can still refute it. Of the
user's rows they have those to search with, and never those to verify on. Where a bundle computes its features, the rows
are raw windows, as the verdict's are, and a network without its features is asked about those of the windows.

They are half as many as the verdict's: by default, together with those of the search, as many. The source's answers are
what they cost, and with them a compile for cpu-int8 takes a few percent longer.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from dwcpc.parity.features.source import WindowSource
from dwcpc.parity.reference import CaseRequest, Reference, make_reference

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from dwcpc.parity.runners.estimator_source import EstimatorSource
    from dwcpc.parity.runners.source import SourceModel

SHARE = 2  # of the verdict's rows, one in so many
FEWEST = 64  # so that each group has some
SEED_AFTER = 4  # the verdict's seed; the search has the one after it, rounding and distillation the next two


@dataclasses.dataclass(frozen=True, slots=True)
class Confirming:
    """What the verdict will compare with, on how many rows, and which of the user's rows may confirm."""

    source: SourceModel | EstimatorSource | WindowSource
    verdict_rows: int
    given: NDArray[np.float32] | None


def confirming_reference(
    asked: Confirming, seed: int, threshold: float | None, floor_db: float, progress: Callable[[str], None]
) -> Reference:
    """Return the source's answers on rows to confirm by; `seed` is that of the verdict's rows."""
    rows = max(FEWEST, asked.verdict_rows // SHARE)
    request = CaseRequest(rows, seed + SEED_AFTER, threshold, asked.given, floor_db)
    reference = make_reference(asked.source, request, lambda step: progress(f"{step}, on rows to confirm by"))
    if not isinstance(asked.source, WindowSource):
        return reference
    groups = (dataclasses.replace(each, rows=asked.source.rows(each.rows)) for each in reference.groups)
    return dataclasses.replace(reference, groups=tuple(groups))

"""What each graph pass did to the latency: the graph behind it against the one before, paired, in Python."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from dwcpc.bench.paired import FreshSession, pair_neighbours

if TYPE_CHECKING:
    import numpy as np
    import onnx
    from numpy.typing import NDArray

    from dwcpc.compiler.metadata import LatencyRatio
    from dwcpc.compiler.pipeline import Compiled

PAIRS = 9
SECONDS = 0.02  # a block; this is told, not judged


def with_effects(compiled: Compiled, scaled: NDArray[np.float32]) -> Compiled:
    """Return `compiled` with the measured effect of each pass that changed something, on `scaled` rows."""
    built = compiled.built
    if not built.stages:
        return compiled
    behind = [stage for record, stage in zip(built.passes, built.stages[1:], strict=False) if record.changed]
    effects = iter(_effects([built.stages[0], *behind], compiled, scaled))
    records = tuple(
        dataclasses.replace(record, effect=next(effects)) if record.changed else record for record in built.passes
    )
    return dataclasses.replace(compiled, built=dataclasses.replace(built, passes=records))


def _effects(stages: list[onnx.ModelProto], compiled: Compiled, scaled: NDArray[np.float32]) -> list[LatencyRatio]:
    sessions = [
        FreshSession(
            stage.SerializeToString(),
            {stage.graph.input[0].name: scaled},
            compiled.target.session,
            SECONDS,
            warm=place > 0,
        )
        for place, stage in enumerate(stages)
    ]
    return [paired.latency for paired in pair_neighbours(sessions, PAIRS)]

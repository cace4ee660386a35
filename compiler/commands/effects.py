"""What each graph pass did to the latency: the graph behind it against the one before, paired, in Python."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from dwcpc.bench.paired import pair_sessions

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
    steps = zip(built.passes, built.stages, built.stages[1:], strict=False)
    records = tuple(
        dataclasses.replace(record, effect=_effect(before, after, compiled, scaled)) if record.changed else record
        for record, before, after in steps
    )
    return dataclasses.replace(compiled, built=dataclasses.replace(built, passes=records))


def _effect(
    before: onnx.ModelProto, after: onnx.ModelProto, compiled: Compiled, scaled: NDArray[np.float32]
) -> LatencyRatio:
    paired = pair_sessions(
        before.SerializeToString(),
        after.SerializeToString(),
        {before.graph.input[0].name: scaled},
        {after.graph.input[0].name: scaled},
        compiled.target.session,
        pairs=PAIRS,
        seconds=SECONDS,
    )
    return paired.latency

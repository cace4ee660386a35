"""The graph passes, in the order in which they run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dwcpc.compiler.metadata import StepRecord
from dwcpc.compiler.passes.base import Pass
from dwcpc.compiler.passes.fold_linear_into_lstm import FoldLinearIntoLstm
from dwcpc.compiler.passes.simplify import Simplify
from dwcpc.compiler.passes.weighted_sum_to_matmul import WeightedSumToMatmul

if TYPE_CHECKING:
    import onnx

PASSES: tuple[Pass, ...] = (Simplify(), WeightedSumToMatmul(), FoldLinearIntoLstm())

MAX_ROUNDS = 4  # each pass is idempotent: a third round that still changes something is a bug, not progress


def run_passes(
    model: onnx.ModelProto, passes: tuple[Pass, ...] = PASSES
) -> tuple[onnx.ModelProto, tuple[StepRecord, ...]]:
    """Run `passes` in order; stop after the first full round without a change. Returns one record a pass and round."""
    records: list[StepRecord] = []
    for _ in range(MAX_ROUNDS):
        changed = 0
        for step in passes:
            result = step.apply(model)
            model = result.model
            changed += result.changed
            if result.changed or len(records) < len(passes):
                records.append(StepRecord(step.name, result.changed, result.refused, len(model.graph.node)))
        if not changed:
            break
    return model, tuple(records)

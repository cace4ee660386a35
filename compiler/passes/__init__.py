"""The graph passes, in the order in which they run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dwcpc.compiler.metadata import StepRecord
from dwcpc.compiler.passes.base import Pass
from dwcpc.compiler.passes.batch_norm_between_transposes import BatchNormBetweenTransposes
from dwcpc.compiler.passes.cancel_layout_pairs import CancelLayoutPairs
from dwcpc.compiler.passes.drop_dead_outputs import DropDeadOutputs
from dwcpc.compiler.passes.drop_leading_axes_before_expand import DropLeadingAxesBeforeExpand
from dwcpc.compiler.passes.fold_batch_norm import FoldBatchNorm
from dwcpc.compiler.passes.fold_linear_into_lstm import FoldLinearIntoLstm
from dwcpc.compiler.passes.hoist_above_repeat import HoistAboveRepeat
from dwcpc.compiler.passes.merge_initializers import MergeInitializers
from dwcpc.compiler.passes.simplify import Simplify
from dwcpc.compiler.passes.weighted_sum_to_matmul import WeightedSumToMatmul

if TYPE_CHECKING:
    import onnx

# Attention first becomes the product that a BatchNormalization folds through; what can neither be folded nor computed
# once then keeps its axes apart with the fewest moves, and what all that leaves behind goes at the end.
PASSES: tuple[Pass, ...] = (
    Simplify(),
    WeightedSumToMatmul(),
    FoldLinearIntoLstm(),
    FoldBatchNorm(),
    BatchNormBetweenTransposes(),
    HoistAboveRepeat(),
    CancelLayoutPairs(),
    DropLeadingAxesBeforeExpand(),
    MergeInitializers(),
    DropDeadOutputs(),
)

MAX_ROUNDS = 10  # passes enable earlier ones, but seldom: random graphs took up to five, so a tenth is a bug


def run_passes(
    model: onnx.ModelProto, passes: tuple[Pass, ...] = PASSES, stages: list[onnx.ModelProto] | None = None
) -> tuple[onnx.ModelProto, tuple[StepRecord, ...]]:
    """Run `passes` in order; stop after the first full round without a change. Returns one record a pass and round.

    `stages`, where given, gets the model behind each record.
    """
    records: list[StepRecord] = []
    for _ in range(MAX_ROUNDS):
        changed = 0
        for step in passes:
            result = step.apply(model)
            model = result.model
            changed += result.changed
            if result.changed or len(records) < len(passes):
                records.append(StepRecord(step.name, result.changed, result.refused, len(model.graph.node)))
                if stages is not None:
                    stages.append(model)
        if not changed:
            break
    return model, tuple(records)

"""The batch axis becomes 1: a service that predicts one row at a time then reshapes where it would have transposed.

Not one of `PASSES`: a bundle takes any number of rows unless it was asked for with `--batch 1`. Run it before them,
`run_passes(model, (FixBatch(), *PASSES))`: shapes are inferred anew, the targets of Reshape and Expand become those
that one row has, and what computes shapes is then constant and goes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
import onnx_ir as ir

from dwcpc.compiler.passes.base import Rewritten
from dwcpc.compiler.passes.constants import add_constant, constant_of, forget_unused, input_of

BATCH_AXIS = 0
ROWS = 1


class FixBatch:
    """Give every input one row, on its first axis, and every shape what follows from that."""

    name = "fix_batch"

    def apply(self, model: onnx.ModelProto) -> Rewritten:
        """Return the model for one row; refused as a whole where an input has no batch axis that is free."""
        weights = {each.name for each in model.graph.initializer}
        inputs = [each for each in model.graph.input if each.name not in weights]
        refused = tuple(f"{each.name}: {why}" for each in inputs if (why := _why_not(each)))
        free = {_batch(each).dim_param for each in inputs if not _why_not(each) and not _batch(each).dim_value}
        if len(free) > 1:
            refused += (f"the inputs' first axes have different names: {', '.join(map(repr, sorted(free)))}",)
        if refused or not any(not _batch(each).HasField("dim_value") for each in inputs):
            return Rewritten(model, 0, refused)
        fixed = onnx.ModelProto()
        fixed.CopyFrom(model)
        changed = _fix(fixed.graph, {each.name for each in inputs}, free)
        try:
            inferred = onnx.shape_inference.infer_shapes(fixed, check_type=True, strict_mode=True, data_prop=True)
        except onnx.shape_inference.InferenceError as error:
            return Rewritten(model, 0, (f"one row contradicts a shape in the graph: {str(error).strip()}",))
        graph_model = ir.from_proto(inferred)
        changed += sum(_settled(graph_model.graph, node) for node in graph_model.graph)
        return Rewritten(ir.to_proto(graph_model), changed)


def _batch(value: onnx.ValueInfoProto) -> onnx.TensorShapeProto.Dimension:
    axes: Sequence[onnx.TensorShapeProto.Dimension] = value.type.tensor_type.shape.dim
    return axes[BATCH_AXIS]


def _why_not(value: onnx.ValueInfoProto) -> str:
    if not value.type.tensor_type.HasField("shape"):
        return "its shape is not known"
    if not value.type.tensor_type.shape.dim:
        return "it has no axes"
    rows = _batch(value)
    return f"it takes {rows.dim_value} rows" if rows.HasField("dim_value") and rows.dim_value != ROWS else ""


def _fix(graph: onnx.GraphProto, inputs: set[str], names: set[str]) -> int:
    """Write 1 for the inputs' first axes and wherever an input or output has the batch's name; return how often."""
    changed = 0
    for value in (*graph.input, *graph.output):
        for axis, size in enumerate(value.type.tensor_type.shape.dim):
            is_batch = axis == BATCH_AXIS and value.name in inputs and not size.HasField("dim_value")
            if is_batch or (size.dim_param and size.dim_param in names):
                size.dim_value = ROWS
                changed += 1
    del graph.value_info[:]
    return changed


def _settled(graph: ir.Graph, node: ir.Node) -> bool:
    """Write what is now known of a Reshape's or an Expand's output into its constant operand."""
    shape = node.outputs[0].shape if node.op_type in ("Reshape", "Expand") and not node.domain else None
    old = constant_of(input_of(node, 1))
    if shape is None or old is None or not all(isinstance(size, int) for size in shape):
        return False
    target = [int(size) for size in shape if isinstance(size, int)]
    if 0 in target or old.tolist() == target:
        return False
    operand = node.inputs[1]
    name = f"{node.name or node.outputs[0].name}_shape"
    node.replace_input_with(1, add_constant(graph, name, np.array(target, np.int64)))
    forget_unused(graph, [operand])
    return True

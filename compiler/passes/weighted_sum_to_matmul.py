"""Attention pooling as a batched matrix product: sum over t of a[b,t,1]·h[b,t,c]  =  (aᵀ·h)[b,1,c].

onnxruntime's ReduceSum adds in another order at batch 1 than at batch 2 and more, so a service that predicts one row
at a time would get other bits than a batch of the same rows. A batched MatMul computes each row alone, with the same
kernel at every batch size, and is one node's walk over memory fewer.
"""

from __future__ import annotations

import onnx
import onnx_ir as ir

from dwcpc.compiler.passes.base import Rewritten

TIME_AXIS = 1
TIME_AXES = ([TIME_AXIS], [TIME_AXIS - 3])  # counted from the front and from behind


class WeightedSumToMatmul:
    """Rewrite ReduceSum(Mul(a, h), axis 1) where a is [batch, time, 1] and h is [batch, time, channels]."""

    name = "weighted_sum_to_matmul"

    def apply(self, model: onnx.ModelProto) -> Rewritten:
        """Return the model with each such sum rewritten; other sums over time are refused with a reason."""
        graph_model = ir.from_proto(model)
        changed = 0
        refused: list[str] = []
        for node in tuple(graph_model.graph):
            if node.op_type != "ReduceSum" or not _sums_over_time(node):
                continue
            product = node.inputs[0].producer() if node.inputs[0] is not None else None
            why = _why_not(product)
            if product is None or why:
                refused.append(f"{node.name or node.outputs[0].name}: {why}")
                continue
            _rewrite(graph_model.graph, node, product)
            changed += 1
        if not changed:
            return Rewritten(model, 0, tuple(refused))
        return Rewritten(ir.to_proto(graph_model), changed, tuple(refused))


def _sums_over_time(node: ir.Node) -> bool:
    if len(node.inputs) < 2 or node.inputs[1] is None or node.inputs[1].const_value is None:
        return False
    return node.inputs[1].const_value.numpy().tolist() in TIME_AXES


def _why_not(product: ir.Node | None) -> str:
    if product is None or product.op_type != "Mul":
        return "what is summed is not a product"
    if len(product.outputs[0].uses()) > 1 or product.outputs[0].is_graph_output():
        return "the product is used elsewhere as well"
    if _weights_and_values(product) is None:
        return "neither factor is known to be [batch, time, 1] beside [batch, time, channels]"
    return ""


def _weights_and_values(product: ir.Node) -> tuple[ir.Value, ir.Value] | None:
    left, right = product.inputs
    if left is None or right is None:
        return None
    for weights, values in ((left, right), (right, left)):
        if weights.shape is None or values.shape is None or weights.shape.rank() != 3 or values.shape.rank() != 3:
            continue
        same_time = weights.shape[1] == values.shape[1] and isinstance(weights.shape[1], int)
        if same_time and weights.shape[2] == 1 and weights.shape[0] == values.shape[0]:
            return weights, values
    return None


def _rewrite(graph: ir.Graph, node: ir.Node, product: ir.Node) -> None:
    found = _weights_and_values(product)
    assert found is not None  # noqa: S101 - _why_not has asked
    weights, values = found
    name = node.outputs[0].name
    row = ir.node("Transpose", [weights], {"perm": [0, 2, 1]})
    pooled = ir.node("MatMul", [row.outputs[0], values])
    new_nodes = [row, pooled]
    keepdims = node.attributes.get_int("keepdims", 1)
    if not keepdims:
        axis = ir.tensor([TIME_AXIS], dtype=ir.DataType.INT64, name=f"{name}_time_axis")
        axes = ir.Value(name=axis.name, const_value=axis)
        graph.register_initializer(axes)
        new_nodes.append(ir.node("Squeeze", [pooled.outputs[0], axes]))
    row.outputs[0].name, pooled.outputs[0].name = f"{name}_row", f"{name}_pooled"
    ir.convenience.replace_nodes_and_values(
        graph, node, [node, product], new_nodes, node.outputs, new_nodes[-1].outputs
    )

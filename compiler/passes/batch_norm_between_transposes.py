"""A BatchNormalization for whose sake a value is transposed and transposed back is computed where the value lies.

ONNX normalises axis 1. With x transposed by P, P⁻¹(BN(P(x))) = a·x + c along the axis that P brings to place 1, where
a = γ/√(σ² + ε) and c = β − a·μ in float64, rounded once. So one Mul and one Add with operands such as [time, 1, 1] take
the place of three nodes, two of which copied everything: between LSTMs ([time, batch, channels]) of a model that
normalises over time, and over channels where `fold_batch_norm` has refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx_ir as ir

from dwcpc.compiler.passes.base import Rewritten
from dwcpc.compiler.passes.batch_norms import CHANNEL_AXIS, Affine, affine_of
from dwcpc.compiler.passes.constants import add_constant, forget_unused, only_user

if TYPE_CHECKING:
    import onnx


class BatchNormBetweenTransposes:
    """Rewrite Transpose(BatchNormalization(Transpose(x))) as x·a + c where the two Transposes undo each other."""

    name = "batch_norm_between_transposes"

    def apply(self, model: onnx.ModelProto) -> Rewritten:
        """Return the model with each such three nodes rewritten; others that look alike are refused with the reason."""
        graph_model = ir.from_proto(model)
        changed = 0
        refused: list[str] = []
        for node in tuple(graph_model.graph):
            around = _transposes_around(node)
            if around is None:
                continue
            affine = affine_of(node)
            why = affine if isinstance(affine, str) else _why_not(node, *around)
            if isinstance(affine, str) or why:
                refused.append(f"{node.name or node.outputs[0].name}: {why}")
                continue
            _rewrite(graph_model.graph, node, *around, affine)
            changed += 1
        return Rewritten(ir.to_proto(graph_model) if changed else model, changed, tuple(refused))


def _transposes_around(node: ir.Node) -> tuple[ir.Node, ir.Node] | None:
    """Return the Transpose before a BatchNormalization and the first one after it, if it has both."""
    if node.op_type != "BatchNormalization" or node.domain or node.inputs[0] is None:
        return None
    before = node.inputs[0].producer()
    after = [user for user in node.outputs[0].consumers() if _is_transpose(user) and user.graph is node.graph]
    return (before, after[0]) if before is not None and _is_transpose(before) and after else None


def _is_transpose(node: ir.Node) -> bool:
    return node.op_type == "Transpose" and not node.domain and node.attributes.get_ints("perm", None) is not None


def _perm(node: ir.Node) -> tuple[int, ...]:
    return tuple(node.attributes.get_ints("perm", ()))


def _why_not(node: ir.Node, before: ir.Node, after: ir.Node) -> str:
    if only_user(before.outputs[0]) is None or only_user(node.outputs[0]) is None:
        return "what it takes or gives is used elsewhere as well"
    if [_perm(before)[axis] for axis in _perm(after)] != list(range(len(_perm(before)))):
        return "the Transposes around it do not undo each other"
    if before.inputs[0] is None or before.inputs[0].dtype not in (ir.DataType.FLOAT, ir.DataType.DOUBLE):
        return "its values are not known to be float32 or float64"
    return ""


def _rewrite(graph: ir.Graph, node: ir.Node, before: ir.Node, after: ir.Node, affine: Affine) -> None:
    value = before.inputs[0]
    assert value is not None  # noqa: S101 - _why_not has asked
    assert value.dtype is not None  # noqa: S101
    axis = _perm(before)[CHANNEL_AXIS]
    shape = (-1, *(1 for _ in _perm(before)[axis + 1 :]))  # aligned from behind, as operands are broadcast
    name = node.name or f"{node.outputs[0].name}"
    scale = add_constant(graph, f"{name}_scale", affine.a.reshape(shape).astype(value.dtype.numpy()))
    offset = add_constant(graph, f"{name}_offset", affine.c.reshape(shape).astype(value.dtype.numpy()))
    scaled = ir.node("Mul", [value, scale], name=f"{name}_scaled")
    moved = ir.node("Add", [scaled.outputs[0], offset], name=name)
    scaled.outputs[0].name, moved.outputs[0].name = f"{name}_scaled", f"{name}_moved"
    for new in (scaled, moved):
        new.outputs[0].shape, new.outputs[0].type = value.shape, value.type
    statistics = node.inputs[1:]
    ir.convenience.replace_nodes_and_values(
        graph, after, [before, node, after], [scaled, moved], after.outputs, moved.outputs
    )
    forget_unused(graph, statistics)

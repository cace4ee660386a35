"""Expand needs no axes of size 1 made in front for it: it aligns shapes from behind, as all broadcasting does.

Expand(reshape(v), s) = Expand(v, s) where the reshape only puts axes of size 1 before v's own and s names every axis.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx_ir as ir

from dwcpc.compiler.passes.base import Rewritten
from dwcpc.compiler.passes.constants import constant_of, forget_unused, input_of, only_user
from dwcpc.compiler.passes.static_shapes import REGROUPING, append, chain_from, is_layout

if TYPE_CHECKING:
    import onnx


class DropLeadingAxesBeforeExpand:
    """Rewrite Expand(Unsqueeze(v, [0])) as Expand(v), whatever operator makes the axes in front."""

    name = "drop_leading_axes_before_expand"

    def apply(self, model: onnx.ModelProto) -> Rewritten:
        """Return the model without such operators; those used elsewhere as well are refused."""
        graph_model = ir.from_proto(model)
        changed = 0
        refused: list[str] = []
        for node in [node for node in graph_model.graph if node.op_type == "Expand" and not node.domain]:
            above = node.inputs[0].producer() if node.inputs[0] is not None else None
            if above is None or not is_layout(above) or above.op_type not in REGROUPING:
                continue
            why = _why_not(node, above)
            if why:
                refused.append(f"{above.name or above.outputs[0].name}: {why}")
                continue
            operands = above.inputs[1:]
            node.replace_input_with(0, above.inputs[0])
            graph_model.graph.remove(above, safe=True)
            forget_unused(graph_model.graph, operands)
            changed += 1
        return Rewritten(ir.to_proto(graph_model) if changed else model, changed, tuple(refused))


def _why_not(node: ir.Node, above: ir.Node) -> str:
    if only_user(above.outputs[0]) is not node or above.graph is not node.graph:
        return "its output is used elsewhere as well"
    chain = chain_from(above.inputs[0])
    if chain is None or not append(chain, above):
        return "its shapes are not known"
    source, target = chain.layouts
    added = len(target) - len(source)
    if added < 0 or target != ((),) * added + source:
        return "it does more than to put axes of size 1 in front"
    wanted = constant_of(input_of(node, 1))
    return "" if wanted is not None and len(wanted) >= len(target) else "the Expand after it does not name every axis"

"""Constant folding and removal of shape arithmetic, by onnxsim."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx_ir as ir

from dwcpc.compiler.errors import DwcpcError, first_line
from dwcpc.compiler.passes.base import Rewritten

if TYPE_CHECKING:
    import onnx


class Simplify:
    """Hand the graph to onnxsim; the count of changes is the count of nodes that went."""

    name = "simplify"

    def apply(self, model: onnx.ModelProto) -> Rewritten:
        """Return the simplified model; DwcpcError when onnxsim's own check of the result fails."""
        import onnxsim

        try:
            simplified, equal = onnxsim.simplify(model)
        except Exception as error:  # it has no type of its own for an operator that it cannot fold
            return Rewritten(model, 0, (f"onnxsim does not take the graph: {first_line(error)}",))
        if not equal:
            raise DwcpcError("onnxsim's result differs from its input; report the model, this is not your fault")
        changed = max(0, len(model.graph.node) - len(simplified.graph.node))
        return Rewritten(_without_folded(simplified), changed)


def _without_folded(model: onnx.ModelProto) -> onnx.ModelProto:
    """Remove weights that onnxsim has folded into others and left behind, of which onnxruntime warns."""
    graph_model = ir.from_proto(model)
    weights = graph_model.graph.initializers
    folded = [
        name
        for name, value in weights.items()
        if not (value.uses() or value.is_graph_input() or value.is_graph_output())
    ]
    for name in folded:
        weights.pop(name)
    return ir.to_proto(graph_model) if folded else model

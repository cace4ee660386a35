"""What nobody uses goes: optional outputs such as an LSTM's last states, nodes, initializers.

onnxruntime computes and allocates every output that has a name; an output without one is not computed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx_ir as ir
from onnx_ir.passes.common import RemoveUnusedNodesPass

from dwcpc.compiler.passes.base import Rewritten

if TYPE_CHECKING:
    import onnx


class DropDeadOutputs:
    """Take names from unused optional outputs, and nodes and initializers without use out of the graph."""

    name = "drop_dead_outputs"

    def apply(self, model: onnx.ModelProto) -> Rewritten:
        """Return the model without what is unused; an unused output that its operator must have is refused."""
        graph_model = ir.from_proto(model)
        before = _named(graph_model.graph)
        RemoveUnusedNodesPass()(graph_model)
        changed = before - _named(graph_model.graph)
        refused = tuple(
            f"{node.name or node.op_type}: nobody uses its output {value.name}, which is not optional"
            for node in graph_model.graph
            for value in node.outputs
            if value.name and not value.uses() and not value.is_graph_output()
        )
        return Rewritten(ir.to_proto(graph_model) if changed else model, changed, refused)


def _named(graph: ir.Graph) -> int:
    """Count nodes, outputs with a name and initializers, those of subgraphs included."""
    nodes = list(graph.all_nodes())
    outputs = sum(bool(value.name) for node in nodes for value in node.outputs)
    return len(nodes) + outputs + sum(len(each.initializers) for each in (graph, *graph.subgraphs()))

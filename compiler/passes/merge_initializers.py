"""Initializers with the same type, shape and bytes become one.

Bytes and not values: 0 and −0 are equal numbers, but not the same weight, and a NaN is the same weight as its copy.
Strings are left alone; onnx_ir's own pass compares them padded with zero bytes and may merge different ones.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import onnx_ir as ir

from dwcpc.compiler.passes.base import Rewritten

if TYPE_CHECKING:
    import onnx


class MergeInitializers:
    """Let all users of equal initializers of one graph use the first of them."""

    name = "merge_initializers"

    def apply(self, model: onnx.ModelProto) -> Rewritten:
        """Return the model without copies; a copy that the graph takes or gives under its own name is refused."""
        graph_model = ir.from_proto(model)
        changed = 0
        refused: list[str] = []
        for graph in (graph_model.graph, *graph_model.graph.subgraphs()):
            for copy, first in _copies(graph):
                if copy.is_graph_output():
                    refused.append(f"{copy.name}: the graph gives it out under this name")
                    continue
                copy.replace_all_uses_with(first)
                graph.initializers.pop(str(copy.name))
                changed += 1
        return Rewritten(ir.to_proto(graph_model) if changed else model, changed, tuple(refused))


def _copies(graph: ir.Graph) -> list[tuple[ir.Value, ir.Value]]:
    """Return each initializer that equals an earlier one, beside that; a caller may override those that are inputs."""
    seen: dict[tuple[ir.DataType, tuple[object, ...], bytes], ir.Value] = {}
    copies: list[tuple[ir.Value, ir.Value]] = []
    for value in graph.initializers.values():
        tensor = value.const_value
        if tensor is None or tensor.dtype == ir.DataType.STRING or value.is_graph_input():
            continue
        key = (tensor.dtype, tuple(tensor.shape), hashlib.sha256(tensor.tobytes()).digest())
        first = seen.setdefault(key, value)
        if first is not value:
            copies.append((value, first))
    return copies

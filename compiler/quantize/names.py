"""Nodes that read and write values under other names."""

from __future__ import annotations

from collections.abc import Mapping

import onnx


def with_names(node: onnx.NodeProto, names: Mapping[str, str]) -> onnx.NodeProto:
    """Return `node` with the values in `names` called otherwise, also in the graphs inside it."""
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    for values in (copy.input, copy.output):
        values[:] = [names.get(value, value) for value in values]
    for attribute in copy.attribute:
        for graph in (*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])):
            inner = [with_names(each, names) for each in graph.node]
            del graph.node[:]
            graph.node.extend(inner)
    return copy

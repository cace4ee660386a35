"""Constants of a graph: read where they are certain, added under free names, forgotten when nobody uses them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import onnx_ir as ir

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def constant_of(value: ir.Value | None) -> NDArray[np.generic] | None:
    """Return what `value` always is; none where it is absent, computed, or one that a caller may override."""
    if value is None or value.is_graph_input():
        return None
    tensor = ir.convenience.get_const_tensor(value)
    return None if tensor is None else tensor.numpy()


def input_of(node: ir.Node, index: int) -> ir.Value | None:
    """Return the node's input of that index; none where it is left out."""
    return node.inputs[index] if index < len(node.inputs) else None


def add_constant(graph: ir.Graph, name: str, values: NDArray[np.generic]) -> ir.Value:
    """Register `values` as an initializer called `name`, or `name_2` and so on where that is taken."""
    taken = {value.name for node in graph.all_nodes() for value in node.outputs} | set(graph.initializers)
    taken.update(value.name for value in graph.inputs)
    free, count = name, 1
    while free in taken:
        count += 1
        free = f"{name}_{count}"
    tensor = ir.tensor(values, name=free)
    value = ir.Value(name=free, const_value=tensor, shape=ir.Shape(values.shape), type=ir.TensorType(tensor.dtype))
    graph.register_initializer(value)
    return value


def forget_unused(graph: ir.Graph, values: Iterable[ir.Value | None]) -> None:
    """Remove those of `values` that are initializers without a use; a graph's input or output keeps its own."""
    for value in values:
        if value is None or value.uses() or value.is_graph_input() or value.is_graph_output():
            continue
        if value.name is not None and graph.initializers.get(value.name) is value:
            graph.initializers.pop(value.name)


def only_user(value: ir.Value) -> ir.Node | None:
    """Return the one node of the same graph that uses `value`; none where others, a subgraph or the caller do."""
    uses = tuple(value.uses())
    if len(uses) != 1 or value.is_graph_output():
        return None
    producer = value.producer()
    user = uses[0].node
    return user if producer is None or user.graph is producer.graph else None

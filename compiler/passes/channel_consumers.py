"""Who contracts the channels of a value in the end: linear operators, behind whatever only moves or averages them.

A channel-wise x ↦ a·x + c commutes with Transpose, with a reshape that keeps the channels' axis whole, and with a
product P·x from the left whose rows sum to one, such as attention pooling: P·(x·diag(a) + 1·cᵀ) = (P·x)·diag(a) + 1·cᵀ.
"""

from __future__ import annotations

from dataclasses import dataclass

import onnx_ir as ir

from dwcpc.compiler.passes.layouts import Axis, Chain
from dwcpc.compiler.passes.static_shapes import append, chain_from, is_layout, rank

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
RECURRENT_CHANNEL_AXIS = 2


@dataclass(frozen=True, slots=True)
class Taken:
    """Every operator that contracts the channels, or why some user of the value does something else with them."""

    nodes: tuple[ir.Node, ...]
    why_not: str = ""


def takers_of(value: ir.Value, axis: int) -> Taken:
    """Follow `value`, whose channels lie on `axis`, to all that use it."""
    if value.is_graph_output():
        return Taken((), "the graph gives it out as well")
    found: list[ir.Node] = []
    for use in value.uses():
        producer = value.producer()
        if producer is not None and use.node.graph is not producer.graph:
            return Taken((), "a subgraph uses it as well")
        taken = _through(use.node, use.idx, axis)
        if taken.why_not:
            return taken
        found.extend(node for node in taken.nodes if node not in found)
    return Taken(tuple(found))


def _through(node: ir.Node, index: int, axis: int) -> Taken:
    name = f"{node.op_type} {node.name}".strip()
    contracted = _contracted_axis(node, index)
    if contracted is not None:
        if contracted == axis:
            return Taken((node,))
        return Taken((), f"it normalises axis {axis} of what {name} contracts over axis {contracted}")
    kept = _axis_after(node, index, axis)
    if kept is None:
        if is_layout(node) and node.op_type != "Transpose":
            return Taken((), f"it normalises an axis that {name} makes one with others")
        return Taken((), f"{name} uses it and cannot take it over")
    return takers_of(node.outputs[0], kept)


def _contracted_axis(node: ir.Node, index: int) -> int | None:
    """Return the axis of its first input that a linear operator sums over; None for others and other inputs."""
    if node.domain or index != 0:
        return None
    if node.op_type in GATES:
        return RECURRENT_CHANNEL_AXIS
    if node.op_type == "Gemm":
        return 0 if node.attributes.get_int("transA", 0) else 1
    axes = rank(node.inputs[0])
    return axes - 1 if node.op_type == "MatMul" and axes is not None else None


def _axis_after(node: ir.Node, index: int, axis: int) -> int | None:
    """Return where the channels lie behind a node that keeps them apart; None behind others."""
    if is_layout(node) and index == 0:
        return _moved_axis(node, axis)
    if node.op_type == "MatMul" and not node.domain and index == 1 and node.inputs[0] is not None:
        axes, left = rank(node.inputs[1]), rank(node.inputs[0])
        averages = axes is not None and axes > 1 and axis == axes - 1 and left is not None and left > 1
        if averages and _sums_to_one(node.inputs[0], left - 1 if left else 0):
            return max(axes or 0, left or 0) - 1
    return None


def _moved_axis(node: ir.Node, axis: int) -> int | None:
    if node.op_type == "Transpose" and (perm := node.attributes.get_ints("perm", None)) is not None:
        return list(perm).index(axis)
    chain = _both_layouts(node)
    if chain is None:
        return None
    before, after = chain.layouts
    return _index(after, before[axis])


def _sums_to_one(value: ir.Value, axis: int) -> bool:
    """Whether a Softmax has made `value` sum to one along `axis`."""
    node = value.producer()
    if node is None or node.domain or node.inputs[0] is None:
        return False
    if node.op_type == "Softmax":
        axes = rank(value)
        return axes is not None and node.attributes.get_int("axis", -1) % axes == axis and _since_opset_13(node)
    chain = _both_layouts(node) if is_layout(node) else None
    if chain is None:
        return False
    source = _index(chain.layouts[0], chain.layouts[1][axis])
    return source is not None and _sums_to_one(node.inputs[0], source)


def _since_opset_13(node: ir.Node) -> bool:
    """Whether Softmax normalises one axis; before opset 13 it flattened all from there on."""
    return isinstance(node.graph, ir.Graph) and node.graph.opset_imports.get("", 0) >= 13


def _both_layouts(node: ir.Node) -> Chain | None:
    chain = chain_from(node.inputs[0])
    return chain if chain is not None and append(chain, node) else None


def _index(layout: tuple[Axis, ...], axis: Axis) -> int | None:
    return layout.index(axis) if axis and axis in layout else None

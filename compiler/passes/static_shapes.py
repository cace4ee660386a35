"""What is known of shapes before a run, and which operators do nothing but move or regroup axes."""

from __future__ import annotations

import onnx_ir as ir

from dwcpc.compiler.passes.constants import constant_of, input_of
from dwcpc.compiler.passes.layouts import Chain, Layout, Size, layout_of, sizes_of

REGROUPING = ("Reshape", "Squeeze", "Unsqueeze")
UNNAMED = "?"
"""Begins the name that stands for a size without one; it is never written into a graph."""


def sizes(value: ir.Value | None) -> tuple[Size, ...] | None:
    """Return the value's sizes, by name where a run decides; None where the rank is not known or nothing is in it."""
    if value is None or value.shape is None:
        return None
    found: list[Size] = []
    for axis, size in enumerate(value.shape):
        if isinstance(size, int):
            found.append(size)
        else:
            found.append(size.value or f"{UNNAMED}{value.name}[{axis}]")
    return None if 0 in found else tuple(found)


def rank(value: ir.Value | None) -> int | None:
    """Return the number of axes, if known."""
    return None if value is None or value.shape is None else value.shape.rank()


def shape_of(layout: Layout) -> ir.Shape:
    """Return a layout as a graph's shape."""
    return ir.Shape([None if str(size).startswith(UNNAMED) else size for size in sizes_of(layout)])


def is_layout(node: ir.Node) -> bool:
    """Whether a node only moves or regroups axes, in a way that no run decides."""
    if node.domain or node.op_type not in ("Transpose", *REGROUPING):
        return False
    if node.op_type == "Transpose":
        return True
    return node.attributes.get_ints("axes", None) is not None or constant_of(input_of(node, 1)) is not None


def append(chain: Chain, node: ir.Node) -> bool:
    """Append the layout after a node of `is_layout`; False where its shape is not known or does not say what moved."""
    if node.op_type == "Transpose":
        axes = len(chain.layouts[-1])
        chain.transpose(tuple(node.attributes.get_ints("perm", range(axes)[::-1])))
        return True
    after = sizes(node.outputs[0])
    return after is not None and chain.reshape(after)


def chain_from(value: ir.Value | None) -> Chain | None:
    """Return a chain that starts with the layout of `value`; None where its shape is not known."""
    known = sizes(value)
    return None if known is None else Chain([layout_of(known)])

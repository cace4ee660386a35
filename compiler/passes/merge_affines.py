"""Two affine maps by constants, one behind the other, become one: (x·a + c)·b + d = x·(a·b) + (c·b + d).

So a BatchNormalization over time and what prepares an integer layer's input take two nodes instead of four. The new
operands are left as nodes on constants, which a runtime computes once, as it loads: written out, a·b of a [steps, 1, 1]
and b [channels] would be as large as a window. Not one of `PASSES`, whose `Simplify` would write them out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import onnx_ir as ir

from dwcpc.compiler.passes.base import Rewritten
from dwcpc.compiler.passes.constants import constant_of, only_user

if TYPE_CHECKING:
    import onnx


@dataclass(frozen=True, slots=True)
class _Affine:
    """x·factor + offset: the Mul, the Add behind it, x and both constants."""

    mul: ir.Node
    add: ir.Node
    x: ir.Value
    factor: ir.Value
    offset: ir.Value


class MergeAffines:
    """Rewrite Add(Mul(Add(Mul(x, a), c), b), d) as one Mul and one Add."""

    name = "merge_affines"

    def apply(self, model: onnx.ModelProto) -> Rewritten:
        """Return the model with such pairs merged."""
        graph_model = ir.from_proto(model)
        changed = 0
        for node in tuple(graph_model.graph):
            second = _affine(node)
            first = None if second is None or second.x.producer() is None else _affine_ending(second.x)
            if first is not None and second is not None:
                _merge(graph_model.graph, first, second)
                changed += 1
        return Rewritten(ir.to_proto(graph_model) if changed else model, changed)


def _affine(mul: ir.Node) -> _Affine | None:
    """Return the map that begins with `mul`, if nothing else sees what is between its two nodes."""
    scaled = _parts(mul, "Mul")
    add = only_user(mul.outputs[0]) if scaled else None
    shifted = None if add is None else _parts(add, "Add")
    if scaled is None or shifted is None or add is None or shifted[0] is not mul.outputs[0]:
        return None
    return _Affine(mul, add, scaled[0], scaled[1], shifted[1])


def _affine_ending(value: ir.Value) -> _Affine | None:
    """Return the map whose result is `value`, if that is used once."""
    add = value.producer()
    shifted = None if add is None or only_user(value) is None else _parts(add, "Add")
    mul = None if shifted is None else shifted[0].producer()
    found = None if mul is None else _affine(mul)
    return found if found is not None and found.add is add else None


def _parts(node: ir.Node, op: str) -> tuple[ir.Value, ir.Value] | None:
    """Return the value and the constant of a `node` that is this operator of both; none where it is not."""
    if node.op_type != op or node.domain:
        return None
    left, right = node.inputs
    if left is None or right is None:
        return None
    constants = constant_of(left) is not None, constant_of(right) is not None
    if constants == (False, True):
        return left, right
    return (right, left) if constants == (True, False) else None


def _merge(graph: ir.Graph, first: _Affine, second: _Affine) -> None:
    factor = ir.node("Mul", [first.factor, second.factor])
    moved = ir.node("Mul", [first.offset, second.factor])
    offset = ir.node("Add", [moved.outputs[0], second.offset])
    for node, role in ((factor, "factor"), (moved, "moved"), (offset, "offset")):
        node.name = f"{second.mul.name or second.mul.outputs[0].name}_{role}"
        node.outputs[0].name = f"{node.name}_merged"
    graph.insert_before(second.mul, [factor, moved, offset])
    second.mul.replace_input_with(0, first.x)
    second.mul.replace_input_with(1, factor.outputs[0])
    second.add.replace_input_with(0, second.mul.outputs[0])
    second.add.replace_input_with(1, offset.outputs[0])
    graph.remove([first.add, first.mul], safe=True)

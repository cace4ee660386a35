"""What is computed alike at every timestep is computed once: f(repeat(v)) = repeat(f(v)).

It holds for f that treats the repeated axes alike: element by element, with a constant that does not vary along them,
a product of another axis with a constant matrix, a Transpose (the repeated axes move with it), and the Reshape → Gemm →
Reshape that a dense layer on a sequence becomes. So RepeatVector and dense layers on each timestep, as in models from
Keras, take one row's work instead of a row for each timestep.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from dwcpc.compiler.passes.base import Rewritten
from dwcpc.compiler.passes.carrying import BINARY, UNARY, data_index
from dwcpc.compiler.passes.constants import add_constant, constant_of, forget_unused, input_of, only_user
from dwcpc.compiler.passes.layouts import Atom, Chain
from dwcpc.compiler.passes.repeats import Repeat, repeat_of
from dwcpc.compiler.passes.static_shapes import append, chain_from, rank, sizes

if TYPE_CHECKING:
    import onnx

REPEATS = ("Expand", "Tile")
HOISTED = UNARY | BINARY | {"MatMul", "Reshape", "Transpose"}


@dataclass(frozen=True, slots=True)
class _Hoist:
    """Nodes to compute before the repetition, from the first to the last, and how often that then repeats what."""

    nodes: tuple[ir.Node, ...]
    times: tuple[int, ...]


class HoistAboveRepeat:
    """Rewrite f(Expand(v)) and f(Tile(v)) as Expand(f(v)) and Tile(f(v))."""

    name = "hoist_above_repeat"

    def apply(self, model: onnx.ModelProto) -> Rewritten:
        """Return the model with such operators above the repetition; those that must stay are refused."""
        graph_model = ir.from_proto(model)
        changed = 0
        refused: list[str] = []
        for node in [node for node in graph_model.graph if node.op_type in REPEATS and not node.domain]:
            while isinstance(hoist := _hoist(node), _Hoist):
                _rewrite(graph_model.graph, node, hoist)
                changed += 1
            if hoist:
                refused.append(f"{node.name or node.outputs[0].name}: {hoist}")
        return Rewritten(ir.to_proto(graph_model) if changed else model, changed, tuple(refused))


def _hoist(node: ir.Node) -> _Hoist | str:
    """Return what can move above a repetition, why it cannot, or nothing where no such operator follows."""
    repeat = repeat_of(node)
    users = [user for user in node.outputs[0].consumers() if user.op_type in HOISTED and not user.domain]
    if not users:
        return ""
    if isinstance(repeat, str):
        return repeat
    user = only_user(node.outputs[0])
    if user is None:
        return "its repeated output is used elsewhere as well"
    if user.op_type == "Transpose":
        return _transpose(repeat, user)
    if user.op_type == "Reshape":
        return _dense(repeat, user)
    why = _why_not_product(repeat, user) if user.op_type == "MatMul" else _why_not_elementwise(repeat, user)
    return why or _Hoist((user,), repeat.times)


def _transpose(repeat: Repeat, user: ir.Node) -> _Hoist | str:
    if rank(repeat.value) != len(repeat.times):
        return "it adds axes, which the Transpose after it moves"
    perm = user.attributes.get_ints("perm", range(len(repeat.times))[::-1])
    return _Hoist((user,), tuple(repeat.times[axis] for axis in perm))


def _why_not_elementwise(repeat: Repeat, user: ir.Node) -> str:
    index = data_index(user)
    if index is None:
        return f"the other operand of {user.op_type} {user.name} is computed at run time"
    operand = None if user.op_type in UNARY else constant_of(user.inputs[1 - index])
    if operand is None:
        return ""
    if operand.ndim > (rank(repeat.value) or 0):
        return f"the operand of {user.op_type} {user.name} has more axes than what is repeated"
    along = zip(operand.shape[::-1], repeat.times[::-1], strict=False)
    varies = any(size != 1 and times != 1 for size, times in along)
    return f"the operand of {user.op_type} {user.name} varies along a repeated axis" if varies else ""


def _why_not_product(repeat: Repeat, user: ir.Node) -> str:
    matrix = constant_of(input_of(user, 1))
    if matrix is None or matrix.ndim != 2:
        return f"MatMul {user.name} is no product with a constant matrix"
    if repeat.times[-1] != 1 or (rank(repeat.value) or 0) < 2:
        return f"MatMul {user.name} sums over a repeated axis"
    return ""


def _dense(repeat: Repeat, first: ir.Node) -> _Hoist | str:
    """Return Reshape → Gemm and functions of each element → Reshape, where rows are all axes but the last."""
    no_dense = f"Reshape {first.name} is not the first of a dense layer on each timestep"
    chain = chain_from(repeat.node.outputs[0])
    if chain is None or rank(first.outputs[0]) != 2 or not append(chain, first) or repeat.times[-1] != 1:
        return no_dense
    nodes = [first]
    while nodes[-1] is first or nodes[-1].op_type != "Reshape":
        user = only_user(nodes[-1].outputs[0])
        if user is None or not _keeps_rows_apart(user, nodes[-1].outputs[0]):
            return no_dense
        nodes.append(user)
    if constant_of(input_of(nodes[-1], 1)) is None or not _gives_rows_back(chain, nodes[-1]):
        return no_dense
    if rank(repeat.value) != len(repeat.times) or sum(isinstance(size, str) for size in _sizes(repeat)) > 1:
        return "more than one size of what is repeated is known at run time only"
    return _Hoist(tuple(nodes), repeat.times)


def _keeps_rows_apart(node: ir.Node, value: ir.Value) -> bool:
    if node.domain or node.inputs[0] is not value:
        return False
    if node.op_type != "Gemm":
        return node.op_type in UNARY or node.op_type == "Reshape"
    bias = input_of(node, 2)
    constant = constant_of(bias)
    alike = bias is None or (constant is not None and (constant.ndim < 2 or constant.shape[0] == 1))
    return alike and constant_of(input_of(node, 1)) is not None and not node.attributes.get_int("transA", 0)


def _gives_rows_back(chain: Chain, last: ir.Node) -> bool:
    """Whether the last Reshape divides rows into the axes that the first one made them from."""
    wanted, width = sizes(last.outputs[0]), sizes(last.inputs[0])
    if wanted is None or width is None or chain.layouts[1][1] != chain.layouts[0][-1]:
        return False
    columns = () if width[1] == 1 else (Atom(width[1]),)
    back = Chain([(chain.layouts[1][0], columns)])
    return back.reshape(wanted) and back.layouts[-1] == (*chain.layouts[0][:-1], columns)


def _sizes(repeat: Repeat) -> tuple[int | str, ...]:
    return sizes(repeat.value) or ()


def _rewrite(graph: ir.Graph, node: ir.Node, hoist: _Hoist) -> None:
    repeat = repeat_of(node)
    assert isinstance(repeat, Repeat)  # noqa: S101 - _hoist has asked
    first, last = hoist.nodes[0], hoist.nodes[-1]
    if first is not last:
        _reshape_once(graph, first, last, repeat)
    value, repeated, result = repeat.value, node.outputs[0], last.outputs[0]
    first.replace_input_with(next(i for i, each in enumerate(first.inputs) if each is repeated), value)
    if result.is_graph_output():
        result.name, repeated.name = f"{result.name}_once", result.name
    result.replace_all_uses_with(repeated, replace_graph_outputs=True)
    old_operand = node.inputs[1]
    times = add_constant(graph, f"{node.name or repeated.name}_times", np.array(hoist.times, np.int64))
    node.replace_input_with(0, result)
    node.replace_input_with(1, times)
    forget_unused(graph, [old_operand])
    graph.remove(node)
    graph.insert_after(last, node)
    _note_shapes(hoist, repeated, rank(value) or 0)


def _reshape_once(graph: ir.Graph, first: ir.Node, last: ir.Node, repeat: Repeat) -> None:
    leading = [size if isinstance(size, int) else -1 for size in _sizes(repeat)[:-1]]
    width = sizes(last.inputs[0])
    channels = _sizes(repeat)[-1]
    assert width is not None  # noqa: S101 - _gives_rows_back has asked
    for node, target in ((first, [-1, channels]), (last, [*leading, width[1]])):
        old = node.inputs[1]
        shape = add_constant(graph, f"{node.name or node.outputs[0].name}_shape", np.array(target, np.int64))
        node.replace_input_with(1, shape)
        forget_unused(graph, [old])


def _note_shapes(hoist: _Hoist, repeated: ir.Value, axes: int) -> None:
    """Give the repeated value the shape that the last node had, and the nodes before it theirs without repetition."""
    last = hoist.nodes[-1].outputs[0]
    repeated.shape, repeated.type = last.shape, last.type
    for node in hoist.nodes[:-1]:
        node.outputs[0].shape = None
    if last.shape is not None:
        known = list(last.shape)[len(last.shape) - axes :]
        times = hoist.times[len(hoist.times) - len(known) :]
        last.shape = ir.Shape([1 if often != 1 else size for size, often in zip(known, times, strict=True)])

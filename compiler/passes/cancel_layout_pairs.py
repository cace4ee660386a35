"""Operators that only move or regroup axes meet and become fewer.

A chain Lₙ∘…∘L₁ of Transpose, Reshape, Squeeze and Unsqueeze is one regrouped permutation of atoms (`layouts.py`); it
becomes the shortest that does the same, of at most two operators: nothing for a pair that cancels, a Reshape (which
copies nothing) for a Transpose that only moves axes of size 1.

Between them may stand operators E on each element, along one axis or with constants: E∘L = L∘E' where E' has its axis
and its constants moved as well (`carrying.py`), so what stood apart by E meets above or below it. A chain changes only
where it has fewer nodes afterwards, or as many and fewer Transposes: that cannot go on for ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from dwcpc.compiler.passes.base import Rewritten
from dwcpc.compiler.passes.carrying import Carried, carried, data_index
from dwcpc.compiler.passes.constants import add_constant, forget_unused, input_of, only_user
from dwcpc.compiler.passes.layouts import Layout, Permuted, Step, shortest
from dwcpc.compiler.passes.static_shapes import append, chain_from, is_layout, shape_of

if TYPE_CHECKING:
    import onnx


@dataclass(frozen=True, slots=True)
class _Window:
    """Nodes from an operator on axes down to another one; each but the topmost is the only user of what it takes."""

    nodes: tuple[ir.Node, ...]
    between: tuple[tuple[ir.Node, Layout], ...]
    source: Layout
    target: Layout

    @property
    def going(self) -> list[ir.Node]:
        """The operators on axes that nobody else needs."""
        others_need_top = len(self.nodes) > 1 and only_user(self.nodes[0].outputs[0]) is None
        return [node for node in self.nodes[int(others_need_top) :] if is_layout(node)]


@dataclass(frozen=True, slots=True)
class _Plan:
    """A window's shorter form: the steps above or below what stands between, which then is in `layout`."""

    window: _Window
    steps: list[Step]
    moved: tuple[Carried, ...]
    layout: Layout
    steps_first: bool


class CancelLayoutPairs:
    """Shorten chains of Transpose, Reshape, Squeeze and Unsqueeze, and move what stands between where that helps."""

    name = "cancel_layout_pairs"

    def apply(self, model: onnx.ModelProto) -> Rewritten:
        """Return the model with shorter chains; two operators that meet and stay are refused with the reason."""
        graph_model = ir.from_proto(model)
        changed = 0
        while found := sum(_shortened(graph_model.graph, node) for node in tuple(graph_model.graph)):
            changed += found
        refused = tuple(_refusals(graph_model.graph))
        return Rewritten(ir.to_proto(graph_model) if changed else model, changed, refused)


def _shortened(graph: ir.Graph, bottom: ir.Node) -> bool:
    if bottom.graph is not graph or not is_layout(bottom):  # another one's rewriting has removed it
        return False
    for nodes in _paths(bottom):
        window = _window(nodes)
        plan = None if window is None else _shorter(window, graph.opset_imports.get("", 0))
        if plan is not None:
            _rewrite(graph, plan)
            return True
    return False


def _paths(bottom: ir.Node) -> Iterator[tuple[ir.Node, ...]]:
    """Yield the paths from above that end in `bottom`, the shortest first; `bottom` itself is one."""
    path: tuple[ir.Node, ...] = (bottom,)
    yield path
    while (node := _above(path[0])) is not None and node.graph is bottom.graph:
        path = (node, *path)
        if is_layout(node):
            yield path
        elif data_index(node) is None:
            return
        if only_user(node.outputs[0]) is None:
            return


def _above(node: ir.Node) -> ir.Node | None:
    value = input_of(node, data_index(node) or 0)
    return None if value is None else value.producer()


def _window(nodes: tuple[ir.Node, ...]) -> _Window | None:
    chain = chain_from(nodes[0].inputs[0])
    if chain is None:
        return None
    places = []
    for node in nodes:
        if is_layout(node) and not append(chain, node):
            return None
        places.append((node, len(chain.layouts) - 1))
    between = tuple((node, chain.layouts[place]) for node, place in places if not is_layout(node))
    return _Window(nodes, between, chain.layouts[0], chain.layouts[-1])


def _shorter(window: _Window, opset: int) -> _Plan | None:
    steps = shortest(window.source, window.target)
    going = window.going
    transposes = sum(node.op_type == "Transpose" for node in going)
    if steps is None or (len(steps), sum(isinstance(step, Permuted) for step in steps)) >= (len(going), transposes):
        return None
    if not steps and not window.between and window.nodes[-1].outputs[0].is_graph_output():
        return None  # nothing would be left to carry the output's name
    for steps_first, layout in ((True, window.target), (False, window.source)):
        moved = [carried(node, old, layout, opset) for node, old in window.between]
        able = tuple(each for each in moved if each is not None)
        if len(able) == len(moved):
            return _Plan(window, steps, able, layout, steps_first)
    return None


def _rewrite(graph: ir.Graph, plan: _Plan) -> None:
    bottom = plan.window.nodes[-1]
    going = plan.window.going
    value = plan.window.nodes[0].inputs[0]
    assert value is not None  # noqa: S101 - the window has a source
    between = [node for node, _ in plan.window.between]
    names = _names(going, plan.steps)
    if plan.steps_first:
        value = _insert(graph, plan.steps, value, names, before=[*between, bottom][0])
    for node, moved in zip(between, plan.moved, strict=True):
        node.replace_input_with(data_index(node) or 0, value)
        moved.apply(graph, node, plan.layout)
        value = node.outputs[0]
    if not plan.steps_first:
        value = _insert(graph, plan.steps, value, names, before=bottom)
    _take_the_place(bottom.outputs[0], value)
    for node in reversed(going):
        operands = node.inputs[1:]
        graph.remove(node, safe=True)
        forget_unused(graph, operands)


def _names(going: list[ir.Node], steps: list[Step]) -> list[str]:
    """Name each step after an operator that goes, a Transpose after a Transpose if there is one."""
    free = sorted(going, key=lambda node: node.op_type != "Transpose")
    names = {step: free.pop(0 if isinstance(step, Permuted) else -1) for step in steps}
    return [names[step].name or str(names[step].outputs[0].name) for step in steps]


def _insert(graph: ir.Graph, steps: list[Step], value: ir.Value, names: list[str], before: ir.Node) -> ir.Value:
    for step, name in zip(steps, names, strict=True):
        if isinstance(step, Permuted):
            node = ir.node("Transpose", [value], {"perm": step.perm}, name=name)
        else:
            target = add_constant(graph, f"{name}_shape", np.array(step.target, np.int64))
            node = ir.node("Reshape", [value, target], name=name)
        output = node.outputs[0]
        output.name, output.type, output.shape = f"{name}_layout", value.type, shape_of(step.layout)
        graph.insert_before(before, node)
        value = output
    return value


def _take_the_place(old: ir.Value, new: ir.Value) -> None:
    if old.is_graph_output():
        name, old.name = old.name, f"{old.name}_before"
        new.name = name
    old.replace_all_uses_with(new, replace_graph_outputs=True)


def _refusals(graph: ir.Graph) -> Iterator[str]:
    """Say of operators on axes that meet directly why they have not become one; that a pair needs two is no refusal."""
    for node in graph:
        above = _above(node) if is_layout(node) else None
        if above is None or not is_layout(above):
            continue
        window = _window((above, node))
        if window is None:
            yield f"{node.name or node.outputs[0].name}: shapes do not say what it and the one above it do together"
        elif len(window.going) < 2 and len(shortest(window.source, window.target) or ()) == 1:
            yield f"{node.name or node.outputs[0].name}: what the one above it gives is used elsewhere as well"

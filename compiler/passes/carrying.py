"""An operator on one value computed in another layout of that value: its constant operand and its axis go along."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import onnx_ir as ir

from dwcpc.compiler.passes.constants import add_constant, constant_of, forget_unused, input_of
from dwcpc.compiler.passes.layouts import Atom, Layout, atoms_of, sizes_of
from dwcpc.compiler.passes.static_shapes import shape_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_ROUNDING = ("Abs", "Cast", "Ceil", "Floor", "Identity", "Neg", "Reciprocal", "Sign")
_POWERS = ("Erf", "Exp", "Log", "Sqrt")
_RAMPS = ("Elu", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu", "Mish", "Relu", "Selu")
_CURVES = ("Sigmoid", "Softplus", "Softsign", "Tanh")
UNARY = frozenset([*_ROUNDING, *_POWERS, *_RAMPS, *_CURVES])
BINARY = frozenset(["Add", "Div", "Max", "Min", "Mul", "Pow", "Sub"])
ALONG_AN_AXIS = frozenset(["LogSoftmax", "Softmax"])
SOFTMAX_ALONG_ONE_AXIS = 13
"""The first opset whose Softmax normalises one axis; before, it flattened all from there on."""


@dataclass(frozen=True, slots=True)
class Carried:
    """What changes about a node in its new layout."""

    axis: int | None = None
    operands: dict[int, NDArray[np.generic]] = field(default_factory=dict)

    def apply(self, graph: ir.Graph, node: ir.Node, layout: Layout) -> None:
        """Write it into the node, whose output is then of that layout."""
        if self.axis is not None:
            node.attributes["axis"] = ir.AttrInt64("axis", self.axis)
        before = [input_of(node, index) for index in self.operands]
        for index, values in self.operands.items():
            node.replace_input_with(index, add_constant(graph, f"{node.outputs[0].name}_operand", values))
        forget_unused(graph, before)
        node.outputs[0].shape = shape_of(layout)


def data_index(node: ir.Node) -> int | None:
    """Return which input of a node that can be carried is its value; the others are constants. None for other nodes."""
    if node.domain or len(node.outputs) != 1:
        return None
    if node.op_type in UNARY or node.op_type in ALONG_AN_AXIS or _normalises(node):
        return 0
    if node.op_type in BINARY and len(node.inputs) == 2:
        computed = [index for index, value in enumerate(node.inputs) if constant_of(value) is None]
        return computed[0] if len(computed) == 1 and node.inputs[computed[0]] is not None else None
    return None


def _normalises(node: ir.Node) -> bool:
    return node.op_type == "BatchNormalization" and node.attributes.get_int("training_mode", 0) == 0


def carried(node: ir.Node, old: Layout, new: Layout, opset: int) -> Carried | None:
    """Return how a node of `data_index` is to change to take and give `new` for `old`; None where it cannot."""
    if node.op_type in UNARY:
        return Carried()
    if node.op_type in BINARY:
        return _operand(node, old, new)
    if node.op_type in ALONG_AN_AXIS:
        return _along_axis(node, old, new) if opset >= SOFTMAX_ALONG_ONE_AXIS else None
    return _over_channels(old, new)


def _operand(node: ir.Node, old: Layout, new: Layout) -> Carried | None:
    index = 1 - (data_index(node) or 0)
    values = constant_of(input_of(node, index))
    if values is None or values.ndim > len(old):
        return None
    if values.size == 1:
        return Carried(operands={index: values.reshape(())}) if values.ndim > len(new) else Carried()
    moved = _moved(values, old, new)
    return None if moved is None else Carried(operands={index: moved})


def _moved(values: NDArray[np.generic], old: Layout, new: Layout) -> NDArray[np.generic] | None:
    """Return broadcast values in another layout; None where an axis would be broadcast in part."""
    shape = (1,) * (len(old) - values.ndim) + values.shape
    varies: dict[Atom, bool] = {}
    for given, size, axis in zip(shape, sizes_of(old), old, strict=True):
        if given not in (1, size):
            return None
        varies.update(dict.fromkeys(axis, given != 1))
    if any(len({varies[atom] for atom in axis}) > 1 for axis in new):
        return None
    place = {atom: index for index, atom in enumerate(atoms_of(old))}
    parts = values.reshape([_known(atom) if varies[atom] else 1 for atom in atoms_of(old)])
    ordered = parts.transpose([place[atom] for atom in atoms_of(new)])
    return ordered.reshape([math.prod(_known(atom) for atom in axis if varies[atom]) for axis in new])


def _known(atom: Atom) -> int:
    assert isinstance(atom.size, int)  # noqa: S101 - an operand varies along it
    return atom.size


def _along_axis(node: ir.Node, old: Layout, new: Layout) -> Carried | None:
    axis = old[node.attributes.get_int("axis", -1)]
    return Carried(axis=new.index(axis)) if axis and axis in new else None


def _over_channels(old: Layout, new: Layout) -> Carried | None:
    """BatchNormalization normalises axis 1, wherever the others are."""
    stays = min(len(old), len(new)) > 1 and bool(old[1]) and old[1] == new[1]
    return Carried() if stays else None

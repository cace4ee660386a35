"""Expand and Tile that repeat a vector: along which axes of their output nothing changes."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import onnx_ir as ir

from dwcpc.compiler.passes.constants import constant_of, input_of
from dwcpc.compiler.passes.static_shapes import sizes


@dataclass(frozen=True, slots=True)
class Repeat:
    """A node, and for each axis of its output how often the input is repeated there; 1 where it is not."""

    node: ir.Node
    times: tuple[int, ...]

    @property
    def value(self) -> ir.Value:
        """What is repeated."""
        value = self.node.inputs[0]
        assert value is not None  # noqa: S101 - ONNX demands it
        return value


def repeat_of(node: ir.Node) -> Repeat | str:
    """Return what an Expand or a Tile repeats, or why that is not known before a run."""
    operand = constant_of(input_of(node, 1))
    if operand is None:
        return "how often it repeats is computed at run time"
    given = sizes(input_of(node, 0))
    if given is None:
        return "the shape of what it repeats is not known"
    times: list[int] = []
    for size, wanted in reversed(list(itertools.zip_longest(given[::-1], operand.tolist()[::-1], fillvalue=1))):
        if size == 1 or wanted == 1 or (node.op_type == "Expand" and size == wanted):
            times.append(wanted if size == 1 else 1)
        else:
            return "it repeats an axis that is not known to be of size 1"
    return Repeat(node, tuple(times))


def repeated_over_steps(graph: ir.Graph) -> dict[str, str]:
    """Return the names of values [steps, rows, channels] that repeat a value [rows, channels], each with that one's."""
    found = {}
    for node in graph:
        repeat = repeat_of(node) if node.op_type in ("Expand", "Tile") and not node.domain else ""
        if isinstance(repeat, str) or len(repeat.times) != 3 or repeat.times[1:] != (1, 1):
            continue
        value, repeated = repeat.value, node.outputs[0]
        if value.name and repeated.name and value.shape is not None and value.shape.rank() == 2:
            found[repeated.name] = value.name
    return found

"""Nodes and constants of a graph in the order of their making, each named after what it holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from dwcpc.compiler.signature import ADDED_PREFIX as PREFIX

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.compiler.scalers import ScalingStep


class GraphBuilder:
    """Collects what a served graph consists of; the name of a value is the name of the node that makes it."""

    def __init__(self) -> None:
        """Begin without nodes."""
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, value: NDArray[np.generic]) -> str:
        """Add a constant and return its full name."""
        self.constants.append(numpy_helper.from_array(value, PREFIX + name))
        return PREFIX + name

    def add(self, op: str, inputs: Sequence[str], output: str, **attributes: int) -> str:
        """Add a node with one output and return that."""
        node = helper.make_node(op, inputs, [output], name=output + "_node")
        node.attribute.extend(helper.make_attribute(key, value) for key, value in attributes.items())
        return self.append(node)

    def append(self, node: onnx.NodeProto) -> str:
        """Add a node made elsewhere and return its first output."""
        self.nodes.append(node)
        first: str = node.output[0]
        return first

    def cast(self, value: str, to: TensorProto.DataType, output: str) -> str:
        """Add a Cast."""
        return self.add("Cast", [value], output, to=to)

    def reshape(self, value: str, shape: tuple[int, ...], output: str) -> str:
        """Add a Reshape."""
        return self.add(
            "Reshape", [value, self.constant(f"{output.removeprefix(PREFIX)}_shape", np.array(shape))], output
        )

    def scaled(self, value: str, steps: Sequence[ScalingStep], label: str, output: str) -> str:
        """Apply each float64 operation to the float32 `value`, rounding to float32 after each."""
        for index, (op, operand) in enumerate(steps):
            stem = f"{PREFIX}{label}_{op.lower()}"
            constant = self.constant(f"{label}_{op.lower()}_operand", operand)
            wide = self.cast(value, TensorProto.DOUBLE, f"{stem}_wide")
            result = self.add(op, [wide, constant], f"{stem}_exact")
            last = index == len(steps) - 1
            value = self.cast(result, TensorProto.FLOAT, output if last else f"{stem}_rounded")
        return value

"""The nodes and constants that take a layer's place, each value named after the layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

if TYPE_CHECKING:
    from numpy.typing import NDArray


class GraphPart:
    """Collects a replacement; the nodes keep the order of their making."""

    def __init__(self, layer: str) -> None:
        """Begin the replacement of the layer of that name."""
        self._layer = layer
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def constant(self, name: str, value: NDArray[np.generic]) -> str:
        """Add a constant and return its full name."""
        self._constants.append(numpy_helper.from_array(np.asarray(value, order="C"), self._named(name)))
        return self._constants[-1].name

    def add(self, op: str, inputs: Sequence[str], name: str, **attributes: Any) -> str:
        """Add a node with one output and return that."""
        return self.add_many(op, inputs, (name,), **attributes)[0]

    def add_many(self, op: str, inputs: Sequence[str], names: Sequence[str], **attributes: Any) -> tuple[str, ...]:
        """Add a node and return its outputs."""
        outputs = tuple(self._named(name) for name in names)
        self._nodes.append(helper.make_node(op, inputs, outputs, name=outputs[0], **attributes))
        return outputs

    def restored(self, name: str, q: NDArray[np.signedinteger], scale: NDArray[np.floating], result: str) -> str:
        """Store whole numbers and return `result`, float(q)·scale, which onnxruntime computes once, as it loads."""
        whole = self.add("Cast", [self.constant(f"{name}_{q.dtype}", q)], f"{name}_whole", to=onnx.TensorProto.FLOAT)
        return self.add("Mul", [whole, self.constant(f"{name}_scale", scale.astype(np.float32))], result)

    def append(self, node: onnx.NodeProto) -> None:
        """Add a node made elsewhere, such as the layer with other weights."""
        self._nodes.append(node)

    def proto(self) -> onnx.GraphProto:
        """Return what was collected."""
        return onnx.GraphProto(name=self._layer, node=self._nodes, initializer=self._constants)

    def _named(self, name: str) -> str:
        return f"{self._layer}/{name}"

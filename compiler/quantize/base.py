"""What a quantisation technique is: it proposes another form of one layer, or says why not. One technique a file.

A proposal is computed from the float network alone, never from other proposals, so that a search may combine them at
will and keep each on disk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import onnx

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def name_of(node: onnx.NodeProto) -> str:
    """Return the node's name, or that of the first value it computes: an LSTM's first output may be left out."""
    return str(node.name or next(filter(None, node.output), ""))


@dataclass(frozen=True, slots=True)
class Layer:
    """One node with constant weights, and those weights by input index.

    `repeated` names the value [rows, channels] that the input [steps, rows, channels] of a recurrent layer repeats at
    each step, where it is known to.
    """

    node: onnx.NodeProto
    weights: dict[int, NDArray[np.float32]]
    repeated: str | None = None

    @property
    def name(self) -> str:
        """The node's name, or that of a value it computes."""
        return name_of(self.node)

    @property
    def op(self) -> str:
        """The node's operator."""
        return str(self.node.op_type)

    @property
    def attributes(self) -> dict[str, Any]:
        """The node's attributes that are written down, by name."""
        return {each.name: onnx.helper.get_attribute_value(each) for each in self.node.attribute}

    @property
    def transposed(self) -> bool:
        """Whether a Gemm's weight has one row, and not one column, for each output."""
        return bool(self.attributes.get("transB", 0))

    @property
    def scaled_or_transposed(self) -> bool:
        """Whether a Gemm is more than x·F + f: its input transposed, or a factor other than 1."""
        given = self.attributes
        return bool(given.get("transA", 0)) or given.get("alpha", 1.0) != 1.0 or given.get("beta", 1.0) != 1.0

    def copied_node(self) -> onnx.NodeProto:
        """Return the node, to be given other weights."""
        copy = onnx.NodeProto()
        copy.CopyFrom(self.node)
        return copy

    @property
    def size(self) -> int:
        """How many weights it has."""
        return sum(weight.size for weight in self.weights.values())


@dataclass(frozen=True, slots=True)
class Activations:
    """What went into a layer and came out of it on the calibration rows: float32, the network's own layout."""

    input: NDArray[np.float32]
    output: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Proposal:
    """The nodes and constants that take the layer's place, in `graph`.

    `couples_rows` where a row's answer would depend on the rows beside it in a batch. `reads` is the bytes of weights
    that integer arithmetic reads for each timestep, by which its time is estimated; 0 where the arithmetic is float32.
    """

    precision: str
    graph: onnx.GraphProto
    couples_rows: bool = False
    reads: int = 0


class Technique(Protocol):
    """One way to give a layer another precision."""

    @property
    def precision(self) -> str:
        """What the metadata calls a layer in this form."""

    def propose(self, layer: Layer, activations: Activations) -> Proposal | str:
        """Return the layer's other form, or the reason why it has none."""

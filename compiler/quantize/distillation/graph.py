"""A float core graph in torch: as it is, or with layers that modules compute instead."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor

from dwcpc.compiler.quantize.base import name_of
from dwcpc.compiler.quantize.distillation.operators import OPERATORS, UnsupportedError

Computed = Callable[..., tuple[Tensor, ...]]
TAKEN_BY_LSTM = (0, 5, 6)  # inputs at run time: x, the initial h and c


class TorchGraph:
    """Runs a network of one input and one output; raises `UnsupportedError` with the operator that it does not know."""

    def __init__(self, network: onnx.ModelProto, instead: Mapping[str, Computed] | None = None) -> None:
        """Take the network, and by the name of a layer what computes it `instead`, from x, h and c."""
        self._graph, self._instead = network.graph, instead or {}
        self._constants = {
            tensor.name: torch.from_numpy(np.array(numpy_helper.to_array(tensor)))
            for tensor in network.graph.initializer
        }
        unknown = {node.op_type for node in network.graph.node if node.domain or node.op_type not in OPERATORS}
        if unknown:
            raise UnsupportedError(", ".join(sorted(unknown)))
        self._attributes = [_attributes_of(node) for node in network.graph.node]

    def __call__(self, x: Tensor) -> Tensor:
        """Return the network's output for scaled rows `x`."""
        values: dict[str, Any] = {**self._constants, self._graph.input[0].name: x}
        for node, attributes in zip(self._graph.node, self._attributes, strict=True):
            given = tuple(values[name] if name else None for name in node.input)
            other = self._instead.get(name_of(node))
            if other is None:
                results = OPERATORS[node.op_type](given, attributes)
            else:
                results = other(*(given[at] if at < len(given) else None for at in TAKEN_BY_LSTM))
            values.update(zip(node.output, results, strict=False))
        answer: Tensor = values[self._graph.output[0].name]
        return answer


def _attributes_of(node: onnx.NodeProto) -> dict[str, Any]:
    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}

"""An integer LSTM as it is served, with weights that can be trained: made from a proposal, and made into one again.

Trained are latent weights in steps of their row's scale, the logarithm of the scales, and the bias. What is served are
the latent ones rounded within the limit of pairs (`saturation.py`). They begin at the float weights where those round to
what was proposed, and within half a step of it elsewhere, so that the first answer is the proposal's.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor

from dwcpc.compiler.quantize.distillation.integers import (
    OF_WINDOW,
    grid,
    on_grid,
    straight_through,
    whole_weights,
)
from dwcpc.compiler.quantize.distillation.recurrence import lstm
from dwcpc.compiler.quantize.int8_lstm import R as RECURRENCE
from dwcpc.compiler.quantize.int8_lstm import W as INPUT

if TYPE_CHECKING:
    from dwcpc.compiler.quantize.base import Layer, Proposal

LESS_THAN_HALF = 0.49  # of a step: rounds back to where it was


class IntegerLstm(torch.nn.Module):
    """Takes the inputs of the float layer; returns Y, Y_h and Y_c of DynamicQuantizeLSTM, one row a call."""

    def __init__(self, layer: Layer, proposal: Proposal) -> None:
        """Begin at `proposal` of the float `layer`."""
        super().__init__()
        self._proposal, self._layer = proposal, layer.name
        stored = {
            name.removeprefix(f"{layer.name}/"): torch.from_numpy(np.array(numpy_helper.to_array(tensor)))
            for tensor in proposal.graph.initializer
            for name in [tensor.name]
        }
        self._width, self._center = stored["per_width"], stored["minus_center"]
        self._factor = float(stored["residual_factor"]) if "residual_factor" in stored else None
        attributes = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in layer.node.attribute}
        self._direction = attributes.get("direction", b"forward").decode()
        self.log_scale = torch.nn.Parameter(torch.log(torch.stack([stored["W_scale"], stored["R_scale"]])))
        weights = torch.from_numpy(np.array(layer.weights[INPUT])) / self._width
        if self._factor is not None:
            weights = torch.cat([weights, weights / self._factor], dim=2)
        recurrent = torch.from_numpy(np.array(layer.weights[RECURRENCE]))
        self.weights = _latent(stored["W_int8"], weights, stored["W_scale"])
        self.recurrent = _latent(stored["R_int8"], recurrent, stored["R_scale"])
        one, other = stored["B"].chunk(2, dim=1)
        self.bias = torch.nn.Parameter(one + other)

    def forward(self, x: Tensor, h: Tensor | None = None, c: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Return Y [T, D, B, H], Y_h and Y_c [D, B, H] for x [T, B, channels]."""
        of_input, of_state = (scale[..., None] for scale in torch.exp(self.log_scale))
        weights = straight_through(self.weights, whole_weights(self.weights.detach())) * of_input
        recurrent = straight_through(self.recurrent, whole_weights(self.recurrent.detach())) * of_state
        given = self._rounded(x * self._width + self._center)
        gates = torch.einsum("tbi,dgi->tdbg", given, weights) + self.bias[None, :, None, :]
        return lstm(gates, recurrent, (h, c), self._direction, rounds=True)

    def _rounded(self, x: Tensor) -> Tensor:
        """Return the operator's input as its uint8 codes stand for it."""
        with torch.no_grad():
            coarse = on_grid(x, *grid(x, OF_WINDOW))
            if self._factor is None:
                return_value = coarse
            else:
                both = torch.cat([x, (x - coarse) * self._factor], dim=2)
                return_value = on_grid(both, *grid(both, OF_WINDOW))
        if self._factor is None:
            return straight_through(x, return_value)
        # The gradient of x is that of its coarse part alone: the rest's, k·W/k, would count it twice.
        return straight_through(torch.cat([x, torch.zeros_like(x)], dim=2), return_value)

    def trained(self) -> Proposal:
        """Return the proposal with the weights, scales and bias that stand now."""
        with torch.no_grad():
            scales = torch.exp(self.log_scale)
            new = {
                "W_int8": whole_weights(self.weights).transpose(1, 2).to(torch.int8),
                "R_int8": whole_weights(self.recurrent).transpose(1, 2).to(torch.int8),
                "W_scale": scales[0],
                "R_scale": scales[1],
                "B": torch.cat([self.bias, torch.zeros_like(self.bias)], dim=1),
            }
        graph = onnx.GraphProto()
        graph.CopyFrom(self._proposal.graph)
        for tensor in graph.initializer:
            value = new.get(tensor.name.removeprefix(f"{self._layer}/"))
            if value is not None:
                tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(value.numpy()), tensor.name))
        return replace(self._proposal, graph=graph)


def _latent(q: Tensor, weights: Tensor, scale: Tensor) -> torch.nn.Parameter:
    """Return the float weights [D, 4H, columns] in steps, moved to where they round to `q` [D, columns, 4H]."""
    whole = q.to(torch.float32).transpose(1, 2)
    rest = (weights / scale[..., None] - whole).clamp(-LESS_THAN_HALF, LESS_THAN_HALF)
    return torch.nn.Parameter((whole + rest).contiguous())

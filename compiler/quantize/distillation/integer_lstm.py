"""An integer LSTM as it is served, with weights that can be trained: made from a proposal, and made into one again.

Trained are the bias and latent weights, in steps of their row's scale, which stays. What is served are the latent ones
rounded within the limit of pairs (`saturation.py`).
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
from dwcpc.compiler.quantize.recurrence import direction_of

if TYPE_CHECKING:
    from dwcpc.compiler.quantize.base import Layer, Proposal


class IntegerLstm(torch.nn.Module):
    """Takes the inputs of the float layer; returns Y, Y_h and Y_c of DynamicQuantizeLSTM, one row a call."""

    def __init__(self, layer: Layer, proposal: Proposal) -> None:
        """Begin at `proposal` of the float `layer`."""
        super().__init__()
        self._proposal, self._layer = proposal, layer.name
        stored = {
            tensor.name.removeprefix(f"{layer.name}/"): torch.from_numpy(np.array(numpy_helper.to_array(tensor)))
            for tensor in proposal.graph.initializer
        }
        self._width, self._center = stored["per_width"], stored["minus_center"]
        self._factor = float(stored["residual_factor"]) if "residual_factor" in stored else None
        self._direction = direction_of(layer)
        self._of_input, self._of_state = stored["W_scale"][..., None], stored["R_scale"][..., None]
        self.weights, self.recurrent = _latent(stored["W_int8"]), _latent(stored["R_int8"])
        one, other = stored["B"].chunk(2, dim=1)
        self.bias = torch.nn.Parameter(one + other)

    def forward(self, x: Tensor, h: Tensor | None = None, c: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Return Y [T, D, B, H], Y_h and Y_c [D, B, H] for x [T, B, channels]."""
        weights = straight_through(self.weights, whole_weights(self.weights.detach())) * self._of_input
        recurrent = straight_through(self.recurrent, whole_weights(self.recurrent.detach())) * self._of_state
        given = self._rounded(x * self._width + self._center)
        gates = torch.einsum("tbi,dgi->tdbg", given, weights) + self.bias[None, :, None, :]
        return lstm(gates, recurrent, (h, c), self._direction, rounds=True)

    def _rounded(self, x: Tensor) -> Tensor:
        """Return the operator's input as its uint8 codes stand for it."""
        step, zero = grid(x.detach(), OF_WINDOW)
        coarse = on_grid(x.detach(), step, zero)
        if self._factor is None:
            return straight_through(x, coarse)
        both = torch.cat([x, (x - coarse) * self._factor], dim=2).detach()
        # The gradient of x is that of its coarse part alone: the rest's, k·W/k, would count it twice.
        return straight_through(torch.cat([x, torch.zeros_like(x)], dim=2), on_grid(both, *grid(both, OF_WINDOW)))

    def trained(self) -> Proposal:
        """Return the proposal with the weights and the bias that stand now."""
        with torch.no_grad():
            new = {
                "W_int8": whole_weights(self.weights).transpose(1, 2).to(torch.int8),
                "R_int8": whole_weights(self.recurrent).transpose(1, 2).to(torch.int8),
                "B": torch.cat([self.bias, torch.zeros_like(self.bias)], dim=1),
            }
        graph = onnx.GraphProto()
        graph.CopyFrom(self._proposal.graph)
        for tensor in graph.initializer:
            value = new.get(tensor.name.removeprefix(f"{self._layer}/"))
            if value is not None:
                tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(value.numpy()), tensor.name))
        return replace(self._proposal, graph=graph)


def _latent(q: Tensor) -> torch.nn.Parameter:
    """Return `q` [D, columns, 4H] as latent weights [D, 4H, columns].

    Not the float weights: where compensation rounded away from those, they are on the edge of another whole number, and
    the first step would undo it.
    """
    return torch.nn.Parameter(q.to(torch.float32).transpose(1, 2).contiguous())

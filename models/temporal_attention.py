"""Attention that pools a sequence into one vector: p = Σₜ aₜ·hₜ, a = softmaxₜ(w₂·tanh(W₁·hₜ + b₁) + b₂)."""

import torch
from torch import Tensor, nn


class TemporalAttention(nn.Module):
    """Pool `[batch, timesteps, width]` over time into `[batch, width]`."""

    def __init__(self, width: int, units: int) -> None:
        """Score each timestep of `width` channels by a hidden layer of `units`."""
        super().__init__()
        self.attention = nn.Sequential(nn.Linear(width, units), nn.Tanh(), nn.Linear(units, 1))

    def forward(self, h: Tensor) -> Tensor:
        """Return the weighted mean of `h` over time."""
        a = torch.softmax(self.attention(h), dim=1)
        # Not (a * h).sum(1): onnxruntime's ReduceSum rounds differently at batch 1 than at batch 2.
        return torch.bmm(a.transpose(1, 2), h).squeeze(1)

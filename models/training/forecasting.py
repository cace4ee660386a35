"""What training of a forecaster minimises: the squared errors of its scaled targets, each as far as it can be avoided.

With t a target, p its prediction, both scaled, z what 0 is when scaled, and e_k what the squared error of target k has
lately been (a moving mean, E the geometric mean of the four),

    loss = E · mean over k of mean (p_k − t_k)² / e_k + w · mean of ((p − t) / (t − z + FLOOR))²

Dividing by e_k keeps a target that nobody can foresee, such as loss, from drowning one that is nearly certain, such as
the round trip of a quiet link; in validation the first term is the geometric mean of the squared errors itself. The
second is for small links: without it the percentage of error on a link of 50 Mbit/s is that of one of 500, times ten.

Batch statistics are not used: whatever a batch happens to hold would move every prediction by some percent, and a
normalisation by constants is what is served. So those layers only learn a factor and a shift.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

from dwcpc.models.channel_batch_norm import ChannelBatchNorm

FLOOR: Final = 0.1
"""In standard deviations of a target: what is nearer to zero has no percentage."""
MEMORY: Final = 0.99
"""Of the moving mean, a batch."""
SMALLEST_ERROR: Final = 1e-8


class Forecasting(nn.Module):
    """The loss above; `noise` is added to scaled inputs while training."""

    def __init__(self, zero: Tensor, relative_weight: float, noise: float = 0.0) -> None:
        """`zero` [targets] is z, `relative_weight` w, `noise` a standard deviation."""
        super().__init__()
        self.register_buffer("zero", zero, persistent=False)
        self.register_buffer("lately", torch.ones(len(zero)))
        self.relative_weight = relative_weight
        self.noise = noise

    def forward(self, module: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        """Return the loss of a batch."""
        fix_batch_norms(module)
        seen = x + self.noise * torch.randn_like(x) if self.noise and module.training else x
        error = module(seen) - y
        share = error / ((y - self.get_buffer("zero")).clamp(min=0) + FLOOR)
        squared = error.square().mean(dim=0).clamp(min=SMALLEST_ERROR)
        balanced = self._balanced(squared) if module.training else geometric_mean(squared)
        loss: Tensor = balanced + self.relative_weight * share.square().mean()
        return loss

    def _balanced(self, squared: Tensor) -> Tensor:
        lately = self.get_buffer("lately")
        lately.lerp_(squared.detach().to(lately.dtype), 1 - MEMORY)
        return geometric_mean(lately) * (squared / lately).mean()


def geometric_mean(values: Tensor) -> Tensor:
    """Return it of positive values."""
    return values.log().mean().exp()


def fix_batch_norms(module: nn.Module) -> None:
    """Let every batch normalisation of `module` use its constants, also while training."""
    for part in module.modules():
        if isinstance(part, ChannelBatchNorm):
            part.eval()

"""What the integer arithmetic of onnxruntime does to values, in float32 tensors, with the gradient of doing nothing.

Rounding has no useful gradient: here it is taken for the identity (the straight-through estimator, Bengio et al., 2013,
arXiv:1308.3432).
"""

from __future__ import annotations

import torch
from torch import Tensor

from dwcpc.compiler.quantize.saturation import LARGEST_ACTIVATION, LARGEST_WEIGHT, PAIR_LIMIT

OF_WINDOW = (0, 2)  # of x [steps, rows, channels]: each row is a call of its own


def grid(x: Tensor, axes: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Return the step and the zero point that the runtime finds for `x` over `axes`."""
    low, high = x.amin(axes, keepdim=True).clamp(max=0), x.amax(axes, keepdim=True).clamp(min=0)
    step = (high - low) / LARGEST_ACTIVATION
    step = torch.where(step > 0, step, 1.0)
    return step, torch.round(-low / step)


def on_grid(x: Tensor, step: Tensor, zero: Tensor) -> Tensor:
    """Return the values that uint8 codes of `x` stand for."""
    return (torch.clamp(torch.round(x / step) + zero, 0, LARGEST_ACTIVATION) - zero) * step


def straight_through(x: Tensor, rounded: Tensor) -> Tensor:
    """Return `rounded`, with the gradient of `x`."""
    return x + (rounded - x).detach()


def whole_weights(latent: Tensor) -> Tensor:
    """Return the int8 weights [..., columns] of latent ones, of which no pair of neighbours can saturate."""
    q = torch.round(latent).clamp(-LARGEST_WEIGHT, LARGEST_WEIGHT)
    second = q[..., 1::2]
    first = q[..., 0::2][..., : second.shape[-1]]
    low = (-PAIR_LIMIT - first.clamp(max=0)).clamp(min=-LARGEST_WEIGHT)
    high = (PAIR_LIMIT - first.clamp(min=0)).clamp(max=LARGEST_WEIGHT)
    kept = q.clone()
    kept[..., 1::2] = torch.minimum(torch.maximum(second, low), high)
    return kept

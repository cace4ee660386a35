"""Weights and BatchNorm statistics drawn at random: a module as it might be after some training."""

from typing import TypeVar

import torch
from torch import nn

ModuleT = TypeVar("ModuleT", bound=nn.Module)


def randomised(module: ModuleT, seed: int) -> ModuleT:
    """Draw every weight and BatchNorm statistic of `module` anew, in place, and return it in eval mode.

    A fresh BatchNorm is the identity and would hide an error. Weights keep the scale of torch's own so that
    gates neither saturate nor stay linear.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for part in module.modules():
            if isinstance(part, nn.BatchNorm1d):
                assert part.running_mean is not None  # noqa: S101 - ours all track statistics
                assert part.running_var is not None  # noqa: S101
                part.running_mean.uniform_(-0.3, 0.3, generator=generator)
                part.running_var.uniform_(0.05, 0.5, generator=generator)
                part.weight.uniform_(0.5, 1.5, generator=generator)
                part.bias.uniform_(-0.3, 0.3, generator=generator)
            elif isinstance(part, nn.LSTM | nn.Linear):
                width = part.hidden_size if isinstance(part, nn.LSTM) else part.in_features
                for weight in part.parameters():
                    weight.uniform_(-(width**-0.5), width**-0.5, generator=generator)
    return module.eval()

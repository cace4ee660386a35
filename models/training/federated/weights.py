"""Weights as they travel: everything that is a real number in a network and its objective, by name.

A batch norm's variance σ² travels as σ² + μ², its inputs' mean square, so that the clients' weighted mean is the mean
square of them all, and mean square − μ² the variance of them all; the mean of variances would miss how means differ.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

Weights = dict[str, NDArray[np.float32]]

MEAN: Final = "running_mean"
VARIANCE: Final = "running_var"


def weights_of(module: nn.Module, objective: nn.Module) -> Weights:
    """Return the weights, named after where they belong."""
    both = nn.ModuleDict({"module": module, "objective": objective})
    weights = {name: value.numpy().copy() for name, value in both.state_dict().items() if value.is_floating_point()}
    return {name: np.asarray(value + _squared_mean(name, weights)) for name, value in weights.items()}


def put_weights(weights: Weights, module: nn.Module, objective: nn.Module) -> None:
    """Set the weights in place."""
    both = nn.ModuleDict({"module": module, "objective": objective})
    values = {name: np.asarray(value - _squared_mean(name, weights)) for name, value in weights.items()}
    state = both.state_dict()
    for name, value in values.items():
        state[name].copy_(torch.from_numpy(np.maximum(value, 0) if name.endswith(VARIANCE) else value))


def _squared_mean(name: str, weights: Weights) -> NDArray[np.float32] | np.float32:
    if not name.endswith(VARIANCE):
        return np.float32(0)
    return np.square(weights[name.removesuffix(VARIANCE) + MEAN])

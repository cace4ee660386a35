"""Random processes that simulators are driven by, over [nodes, steps]."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Series = NDArray[np.float64]  # [nodes, steps]


def autoregression(shape: tuple[int, int], memory: float, rng: np.random.Generator) -> Series:
    """Return x_t = memory·x_{t−1} + √(1 − memory²)·e_t, of unit variance from the start."""
    x = rng.standard_normal(shape)
    fresh = np.sqrt(1 - memory**2)
    for t in range(1, shape[1]):
        x[:, t] = memory * x[:, t - 1] + fresh * x[:, t]
    return x


def decaying_pulses(
    shape: tuple[int, int],
    rate: float,
    sizes: tuple[float, float],
    memories: tuple[float, float],
    rng: np.random.Generator,
) -> Series:
    """Return pulses that begin with probability `rate` a step, and fade by a factor drawn anew for each."""
    begins = rng.random(shape) < rate
    size = rng.uniform(*sizes, shape)
    memory = rng.uniform(*memories, shape)
    level, fade, out = np.zeros(shape[0]), np.zeros(shape[0]), np.zeros(shape)
    for t in range(shape[1]):
        fade = np.where(begins[:, t], memory[:, t], fade)
        level = level * fade + np.where(begins[:, t], size[:, t], 0.0)
        out[:, t] = level
    return out


def episodes(
    shape: tuple[int, int],
    rate: float,
    lengths: tuple[int, int],
    sizes: tuple[float, float],
    rng: np.random.Generator,
) -> Series:
    """Return episodes that begin with probability `rate` a step, last a drawn length, and ebb linearly over it."""
    out = np.zeros(shape)
    for node, start in np.argwhere(rng.random(shape) < rate):
        length = int(rng.integers(lengths[0], lengths[1] + 1))
        kept = out[node, start : start + length]
        ebb = np.linspace(1.0, 0.3, length)[: len(kept)]
        np.maximum(kept, rng.uniform(*sizes) * ebb, out=kept)
    return out


def noisy(shape: tuple[int, int], sigma: float, rng: np.random.Generator) -> Series:
    """Return factors around 1: exp(sigma·e), e standard normal."""
    factors: Series = np.exp(sigma * rng.standard_normal(shape))
    return factors

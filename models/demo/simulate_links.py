"""A simulated network link: windows of 45 raw features, and what the link does in the timestep after each.

A few hidden processes h drive every feature and target. Each remembers itself and is pushed by the ones before it,

    h_t = A·h_{t−1} + e_t        A lower triangular, its diagonal the memories, e_t of unit variance
    x_t = centre + spread · (W·h_t + noise)
    y   = centre + spread · (tanh(V·h_{T+1}) + 0.3·V·h_{T+1} + noise), cut at 0

A, W, V, centres and spreads are the link, which is always the same one; a seed draws windows of it. Nothing here is
measured on a real system.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dwcpc.models.demo.simulate import TIMESTEPS

FEATURES: Final = 45
TARGET_CENTRES: Final = (420.0, 38.0, 8e-3, 4.5)
"""Bandwidth in Mbps, latency in ms, packet loss as a ratio, jitter in ms."""
TARGET_SPREADS: Final = (90.0, 9.0, 3e-3, 1.2)

HIDDEN: Final = 6
MEMORIES: Final = (0.6, 0.95)
PUSH: Final = 0.15
"""Largest effect of one process on another in a timestep, as a share of its value."""
MAGNITUDES: Final = (-3.0, 6.0)
"""Decimal exponents between which the features' spreads lie."""
FEATURE_NOISE: Final = 0.4
TARGET_NOISE: Final = 0.1
SETTLING_TIMESTEPS: Final = 60
LINK_SEED: Final = 45


@dataclass(frozen=True, slots=True)
class Links:
    """Raw windows `x` [windows, TIMESTEPS, FEATURES] and the targets `y` [windows, 4] of the timestep after each."""

    x: NDArray[np.float32]
    y: NDArray[np.float32]


def link_windows(count: int, *, seed: int) -> Links:
    """Return `count` windows, told by the seed alone."""
    link, rng = np.random.default_rng(LINK_SEED), np.random.default_rng(seed)
    hidden = _hidden(count, link, rng)
    return Links(_features(hidden[:, :-1], link, rng), _targets(hidden[:, -1], link, rng))


def _hidden(count: int, link: np.random.Generator, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return `[count, TIMESTEPS + 1, HIDDEN]`, each process of about unit variance."""
    memory = link.uniform(*MEMORIES, HIDDEN)
    step = np.diag(memory) + np.tril(link.uniform(-PUSH, PUSH, (HIDDEN, HIDDEN)), -1)
    shocks = rng.standard_normal((SETTLING_TIMESTEPS + TIMESTEPS + 1, count, HIDDEN)) * np.sqrt(1 - memory**2)
    h = np.zeros((count, HIDDEN))
    states = []
    for shock in shocks:
        h = h @ step.T + shock
        states.append(h)
    return np.stack(states[SETTLING_TIMESTEPS:], axis=1)


def _features(hidden: NDArray[np.float64], link: np.random.Generator, rng: np.random.Generator) -> NDArray[np.float32]:
    weights = link.normal(0, HIDDEN**-0.5, (HIDDEN, FEATURES))
    spread = 10.0 ** link.uniform(*MAGNITUDES, FEATURES)
    centre = spread * link.uniform(0, 5, FEATURES)
    noise = FEATURE_NOISE * rng.standard_normal((*hidden.shape[:2], FEATURES))
    return np.asarray(centre + spread * (hidden @ weights + noise), np.float32)


def _targets(hidden: NDArray[np.float64], link: np.random.Generator, rng: np.random.Generator) -> NDArray[np.float32]:
    pull = hidden @ link.normal(0, HIDDEN**-0.5, (HIDDEN, len(TARGET_CENTRES)))
    noise = TARGET_NOISE * rng.standard_normal(pull.shape)
    answer = TARGET_CENTRES + TARGET_SPREADS * (np.tanh(pull) + 0.3 * pull + noise)
    return np.maximum(answer, 0.0).astype(np.float32)

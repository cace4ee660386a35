"""What is normal, which differs by node and hour: sizes, loads, modes, and the disturbances that are nobody's fault."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MODES = ("fallback", "optimized", "standard")
TIERS = ("tier1", "tier2", "tier3")
MODE_SHARES = (0.15, 0.35, 0.5)
TIER_SHARES = (0.3, 0.4, 0.3)

INTERVAL_S = 120.0  # between two samples of a node
DAY_SAMPLES = 720
MODE_SAMPLES = 200  # for which a mode lasts, on average

Series = NDArray[np.float64]  # [nodes, samples], or [nodes, 1] for what a node has for life


@dataclass(frozen=True, slots=True)
class Baselines:
    """A fleet's nodes without trouble. `tier` [nodes, 1] and `mode` [nodes, samples] are places in TIERS and MODES."""

    tier: NDArray[np.int64]
    mode: NDArray[np.int64]
    utilisation: Series  # offered load as a share of what the node can serve
    service_ms: Series
    requests: Series  # a sample, at utilisation 1
    memory_percent: Series
    disk_mb_s: Series
    loss_floor: Series
    error_floor: Series
    backup: Series  # 1 while the nightly backup runs
    deployed: Series  # 1 in a sample whose connections a deployment reset
    lost_burst: Series  # packet loss of a passing disturbance


def draw_baselines(rng: np.random.Generator, nodes: int, samples: int, difficulty: float) -> Baselines:
    """Draw a fleet; `difficulty` multiplies the noise and the rate of harmless disturbances."""
    tier = rng.choice(len(TIERS), (nodes, 1), p=TIER_SHARES)
    shape = (nodes, samples)
    return Baselines(
        tier=tier,
        mode=_modes(rng, nodes, samples),
        utilisation=_utilisation(rng, nodes, samples, difficulty),
        service_ms=np.array([6.0, 10.0, 16.0])[tier] * rng.lognormal(0.0, 0.2, (nodes, 1)),
        requests=np.array([9000.0, 5000.0, 3000.0])[tier],
        memory_percent=_memory(rng, nodes, samples, difficulty),
        disk_mb_s=rng.lognormal(np.log(120.0), 0.3, (nodes, 1)),
        loss_floor=rng.lognormal(np.log(8e-4), 0.4, (nodes, 1)),
        error_floor=rng.lognormal(np.log(1.5e-3), 0.3, (nodes, 1)),
        backup=_nightly(rng, nodes, samples),
        deployed=(rng.random(shape) < 0.004 * difficulty).astype(np.float64),
        lost_burst=np.where(rng.random(shape) < 0.004 * difficulty, rng.uniform(0.01, 0.08, shape), 0.0),
    )


def wandering(rng: np.random.Generator, nodes: int, samples: int, memory: float) -> Series:
    """Return first-order autoregressive noise of variance 1: x[t] = memory·x[t−1] + √(1 − memory²)·ε."""
    noise = rng.normal(size=(nodes, samples))
    fresh = np.sqrt(1.0 - memory**2)
    for at in range(1, samples):
        noise[:, at] = memory * noise[:, at - 1] + fresh * noise[:, at]
    return noise


def _modes(rng: np.random.Generator, nodes: int, samples: int) -> NDArray[np.int64]:
    drawn = rng.choice(len(MODES), (nodes, samples), p=MODE_SHARES)
    changes = rng.random((nodes, samples)) < 1.0 / MODE_SAMPLES
    changes[:, 0] = True
    since = np.maximum.accumulate(np.where(changes, np.arange(samples), 0), axis=1)
    return np.take_along_axis(drawn, since, axis=1)


def _utilisation(rng: np.random.Generator, nodes: int, samples: int, difficulty: float) -> Series:
    """Daily cycle, wandering, and harmless bursts of one to three samples."""
    mean, swing = rng.uniform(0.25, 0.45, (nodes, 1)), rng.uniform(0.2, 0.5, (nodes, 1))
    phase = rng.uniform(0.0, 2 * np.pi, (nodes, 1))
    daily = 1.0 + swing * np.sin(2 * np.pi * np.arange(samples) / DAY_SAMPLES + phase)
    begun = rng.random((nodes, samples)) < 0.008 * difficulty
    height = np.where(begun, rng.uniform(0.1, 0.3, (nodes, samples)), 0.0)
    lasting = rng.integers(0, 3, (nodes, samples))
    burst = height.copy()
    for delay in (1, 2):
        later = np.where(lasting >= delay, height, 0.0)
        burst[:, delay:] = np.maximum(burst[:, delay:], later[:, :-delay])
    return np.clip(mean * daily + 0.02 * difficulty * wandering(rng, nodes, samples, 0.9) + burst, 0.03, 0.9)


def _memory(rng: np.random.Generator, nodes: int, samples: int, difficulty: float) -> Series:
    """A level, a cache that fills and empties, and the saw-tooth of a collector of garbage."""
    period = rng.integers(20, 60, (nodes, 1))
    collected = (np.arange(samples) + rng.integers(0, 60, (nodes, 1))) % period / period
    level = rng.uniform(35.0, 58.0, (nodes, 1))
    return level + 6.0 * collected + 3.0 * difficulty * wandering(rng, nodes, samples, 0.99)


def _nightly(rng: np.random.Generator, nodes: int, samples: int) -> Series:
    begin = rng.integers(0, DAY_SAMPLES, (nodes, 1))
    return ((np.arange(samples) - begin) % DAY_SAMPLES < 20).astype(np.float64)

"""What a node is like: its disk, its network, its size and the load that it usually has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

PerNode = NDArray[np.float64]  # [nodes, 1], to broadcast over steps

HETEROGENEITY: Final = (0.08, 0.16)
"""Standard deviation of the logarithm of what nodes differ in, at difficulty 0, and how much more at 1."""


@dataclass(frozen=True, slots=True)
class Nodes:
    """Constants of each node; ratios are of 1, latencies those of an idle node."""

    fsync_ms: PerNode
    rtt_ms: PerNode
    capacity_ops: PerNode
    service_ms: PerNode
    utilisation: PerNode
    daily_swing: PerNode
    daily_phase: PerNode
    memory_percent: PerNode
    compaction_steps: PerNode
    loss_ratio: PerNode


def draw_nodes(count: int, difficulty: float, rng: np.random.Generator) -> Nodes:
    """Draw the constants of `count` nodes."""
    spread = HETEROGENEITY[0] + HETEROGENEITY[1] * difficulty

    def around(middle: float) -> PerNode:
        return middle * np.exp(spread * rng.standard_normal((count, 1)))

    return Nodes(
        fsync_ms=around(1.6),
        rtt_ms=around(2.2),
        capacity_ops=around(4200.0),
        service_ms=around(0.4),
        utilisation=rng.uniform(0.34, 0.46, (count, 1)),
        daily_swing=rng.uniform(0.10, 0.18, (count, 1)),
        daily_phase=rng.uniform(0.0, 1.0, (count, 1)),
        memory_percent=around(42.0),
        compaction_steps=rng.integers(45, 90, (count, 1)).astype(np.float64),
        loss_ratio=around(2e-4),
    )

"""A simulated consensus group: windows of twelve metrics in raw units, normal or with one of three faults.

Two hidden processes drive every metric of a window: the load (a slow first-order autoregression and a cycle) and the
congestion of the network (a faster one). With l_t, g_t and noise e_t, all of unit variance,

    x_t = centre + spread · (w_load·l_t + w_congestion·g_t + w_noise·e_t)

and a metric that cannot be negative is cut at 0. Nothing here is measured on a real system.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

TIMESTEPS: Final = 30

LOAD_MEMORY: Final = 0.97
CONGESTION_MEMORY: Final = 0.85
CYCLE_TIMESTEPS: Final = 24.0
CYCLE_SHARE: Final = 0.5
"""Share of the load's variance that the cycle has."""

FAULT_SPREADS: Final = (0.5, 4.0)
"""A fault moves its metrics by this many spreads, drawn evenly: the weakest cannot be told from noise."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One column: its typical value, its spread, and what drives it."""

    name: str
    centre: float
    spread: float
    load: float
    congestion: float
    noise: float
    may_be_negative: bool = False


METRICS: Final = (
    Metric("proposal_latency_ms", 12.0, 3.0, 0.7, 0.6, 0.3),
    Metric("commit_latency_ms", 35.0, 8.0, 0.6, 0.7, 0.3),
    Metric("quorum_wait_ms", 9.0, 2.5, 0.3, 0.9, 0.3),
    Metric("round_trip_ms", 4.0, 1.0, 0.1, 0.9, 0.3),
    Metric("proposals_per_s", 850.0, 150.0, 0.9, -0.3, 0.3),
    Metric("queue_bytes", 1.5e6, 4e5, 0.8, 0.5, 0.3),
    Metric("log_append_bytes_per_s", 2.4e7, 5e6, 0.9, -0.3, 0.3),
    Metric("leader_cpu_ratio", 0.42, 0.08, 0.9, 0.1, 0.3),
    Metric("packet_loss_ratio", 1e-3, 4e-4, 0.1, 0.8, 0.5),
    Metric("heartbeat_interval_ms", 50.0, 1.5, 0.2, 0.7, 0.5),
    Metric("replication_lag_entries", 14.0, 5.0, 0.6, 0.6, 0.4),
    Metric("clock_skew_us", 20.0, 60.0, 0.3, 0.2, 0.8, may_be_negative=True),
)

FAULTS: Final = (
    {"proposal_latency_ms": 1.0, "commit_latency_ms": 1.0, "leader_cpu_ratio": 1.0},
    {"packet_loss_ratio": 1.0, "quorum_wait_ms": 1.0, "proposals_per_s": -1.0},
    {"replication_lag_entries": 1.0, "queue_bytes": 1.0, "log_append_bytes_per_s": -1.0},
)
"""An overloaded leader, a partition, a stalled follower: the direction in which each moves its metrics."""


def normal_windows(count: int, *, seed: int) -> NDArray[np.float32]:
    """Return `[count, TIMESTEPS, len(METRICS)]` in raw units, without a fault."""
    return _observed(_deviations(count, np.random.default_rng(seed)))


def faulty_windows(count: int, *, seed: int) -> NDArray[np.float32]:
    """Return windows as `normal_windows` does, each with one fault that begins in its first two thirds and stays."""
    rng = np.random.default_rng(seed)
    deviations = _deviations(count, rng)
    column = {metric.name: index for index, metric in enumerate(METRICS)}
    for window in deviations:
        directions = FAULTS[rng.integers(len(FAULTS))]
        begin = rng.integers(TIMESTEPS * 2 // 3)
        size = rng.uniform(*FAULT_SPREADS)
        for name, direction in directions.items():
            window[begin:, column[name]] += direction * size
    return _observed(deviations)


def _deviations(count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    turns = np.arange(TIMESTEPS) / CYCLE_TIMESTEPS + rng.uniform(size=(count, 1))
    cycle = np.sqrt(2) * np.sin(2 * np.pi * turns)
    slow = _autoregression(count, LOAD_MEMORY, rng)
    load = np.sqrt(1 - CYCLE_SHARE) * slow + np.sqrt(CYCLE_SHARE) * cycle
    congestion = _autoregression(count, CONGESTION_MEMORY, rng)
    noise = rng.standard_normal((count, TIMESTEPS, len(METRICS)))
    deviations: NDArray[np.float64] = (
        load[..., None] * np.array([metric.load for metric in METRICS])
        + congestion[..., None] * np.array([metric.congestion for metric in METRICS])
        + noise * np.array([metric.noise for metric in METRICS])
    )
    return deviations


def _autoregression(count: int, memory: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return `[count, TIMESTEPS]` of x_t = memory·x_{t−1} + √(1 − memory²)·e_t, of unit variance from the start."""
    x = rng.standard_normal((count, TIMESTEPS))
    for t in range(1, TIMESTEPS):
        x[:, t] = memory * x[:, t - 1] + np.sqrt(1 - memory**2) * x[:, t]
    return x


def _observed(deviations: NDArray[np.float64]) -> NDArray[np.float32]:
    centre = np.array([metric.centre for metric in METRICS])
    spread = np.array([metric.spread for metric in METRICS])
    floor = np.array([-np.inf if metric.may_be_negative else 0.0 for metric in METRICS])
    windows: NDArray[np.float32] = np.maximum(centre + spread * deviations, floor).astype(np.float32)
    return windows

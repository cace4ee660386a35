"""From what acts on a node to what it reports: queueing, replication and elections.

With ρ the utilisation of the disk or the processor, λ requests a second, and noise n ≈ 1,

    fsync   = disk's own time / (1 − ρ_disk) · n
    rtt     = network · (1 + 0.2·λ/capacity) · n
    append  = quorum · rtt + fsync + loss · retransmission timeout
    commit  = append + service / (1 − ρ_processor) + election wait
    queue   = λ · commit          (Little's law)
    lag     = λ · (rtt/2 + fsync + what followers are behind)
"""

from __future__ import annotations

from typing import Final

import numpy as np

from dwcpc.models.data.consensus.load import Drivers
from dwcpc.models.data.consensus.nodes import Nodes
from dwcpc.models.data.processes import Series, noisy

FEATURES: Final = (
    "commit_latency_ms",
    "append_latency_ms",
    "fsync_ms",
    "heartbeat_rtt_ms",
    "queue_depth",
    "throughput_ops",
    "term_changes",
    "votes_rejected",
    "replication_lag",
    "cpu_usage",
    "memory_usage",
    "packet_loss",
)
"""The columns of the feature specification `consensus_latency`, in its order; a test compares them."""

NOISE: Final = (0.03, 0.06)
"""Of a measurement, as a share of it, at difficulty 0, and how much more at 1."""
HICCUP_RATE: Final = 0.004
"""How often a step has a pause (garbage collection, a noisy neighbour) in fsync or in the round trip."""

RETRANSMISSION_TIMEOUT_MS: Final = 200.0
ELECTION_WAIT_MS: Final = 25.0
FULL: Final = 0.95
"""No queue is computed beyond this utilisation: requests are turned away."""


def observe(nodes: Nodes, drivers: Drivers, difficulty: float, rng: np.random.Generator) -> dict[str, Series]:
    """Return what each node reports in each step, in the units of the columns' names."""
    shape = drivers.offered.shape
    sigma = NOISE[0] + NOISE[1] * difficulty

    def measured(values: Series, share: float = 1.0) -> Series:
        return values * noisy(shape, share * sigma, rng)

    served = drivers.offered * (1 - drivers.unavailable)
    rate = nodes.capacity_ops * served
    disk_use = np.minimum(0.1 + 0.45 * served + drivers.disk_use, FULL)
    fsync = nodes.fsync_ms * drivers.disk / (1 - disk_use) * _hiccups(shape, rng)
    rtt = nodes.rtt_ms * drivers.network * (1 + 0.2 * served) * _hiccups(shape, rng)
    loss = nodes.loss_ratio * drivers.loss * drivers.network**2
    append = drivers.quorum * rtt + fsync + loss * RETRANSMISSION_TIMEOUT_MS
    processor = np.clip(0.08 + 0.62 * drivers.offered + drivers.processor, 0.01, FULL)
    commit = append + nodes.service_ms / (1 - processor) + ELECTION_WAIT_MS * drivers.unavailable
    queue = rate * commit / 1e3
    lag = rate * (rtt / 2e3 + fsync / 1e3 + drivers.lag_s)
    memory = nodes.memory_percent + 0.04 * queue + drivers.memory + 3.0 * served
    return {
        "commit_latency_ms": measured(commit * drivers.claimed_commit),
        "append_latency_ms": measured(append),
        "fsync_ms": measured(fsync),
        "heartbeat_rtt_ms": measured(rtt),
        "queue_depth": measured(queue),
        "throughput_ops": measured(rate * drivers.reported, 0.5),
        "term_changes": rng.poisson(drivers.elections).astype(np.float64),
        "votes_rejected": rng.poisson(drivers.rejections).astype(np.float64),
        "replication_lag": measured(lag, 1.5),
        "cpu_usage": np.minimum(measured(100 * processor, 0.5), 100.0),
        "memory_usage": np.minimum(measured(memory, 0.2), 100.0),
        "packet_loss": measured(loss, 2.0),
    }


def _hiccups(shape: tuple[int, int], rng: np.random.Generator) -> Series:
    return np.where(rng.random(shape) < HICCUP_RATE, rng.uniform(1.3, 2.2, shape), 1.0)

"""A seeded table of a simulated consensus group.

`difficulty` from 0 to 1 makes faults weaker, nodes more different, measurements noisier, and bursts, congestion and
membership changes more frequent; 0.5 is what the shipped model is trained and tested on. Nothing here is measured on
a real system.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from dwcpc.models.data.consensus.faults import apply_incident
from dwcpc.models.data.consensus.incidents import KINDS, Incident, draw_incidents
from dwcpc.models.data.consensus.load import STEP_S, normal_drivers
from dwcpc.models.data.consensus.metrics import observe
from dwcpc.models.data.consensus.nodes import draw_nodes
from dwcpc.models.data.table import Table

DIFFICULTY: Final = 0.5
GROUP: Final = "node_id"
TIME: Final = "timestamp"
LABEL: Final = "anomaly"
KIND: Final = "kind"
NORMAL: Final = "normal"


@dataclass(frozen=True, slots=True)
class ConsensusSimulation:
    """How much is simulated, and how: a step is 30 s; `kinds` are the faults that may happen."""

    seed: int
    nodes: int
    steps: int
    difficulty: float = DIFFICULTY
    kinds: tuple[str, ...] = KINDS


def simulate_consensus(order: ConsensusSimulation) -> Table:
    """Return the table, node by node in order of time: keys, twelve features, whether something is wrong, and what."""
    rng = np.random.default_rng(order.seed)
    nodes = draw_nodes(order.nodes, order.difficulty, rng)
    drivers = normal_drivers(nodes, order.steps, order.difficulty, rng)
    incidents = draw_incidents(order.nodes, order.steps, order.difficulty, rng, order.kinds)
    for incident in incidents:
        apply_incident(drivers, incident, rng)
    reported = observe(nodes, drivers, order.difficulty, rng)
    kind = _kinds(order, incidents)
    names = np.array([f"s{order.seed}n{node}" for node in range(order.nodes)])
    return {
        GROUP: np.repeat(names, order.steps),
        TIME: np.tile(np.arange(order.steps) * STEP_S, order.nodes),
        **{name: values.ravel() for name, values in reported.items()},
        LABEL: (kind != NORMAL).astype(np.float64).ravel(),
        KIND: kind.ravel(),
    }


def _kinds(
    order: ConsensusSimulation, incidents: tuple[Incident, ...]
) -> np.ndarray[tuple[int, int], np.dtype[np.str_]]:
    kind = np.full((order.nodes, order.steps), NORMAL, dtype=f"<U{max(map(len, KINDS))}")
    for incident in incidents:
        kind[incident.node, incident.steps] = incident.kind
    return kind

"""When something breaks: which fault, on which node, from when to when and how badly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

KINDS: Final = (
    "slow_disk",
    "network_partition",
    "byzantine_leader",
    "flapping_leader",
    "cascading_failure",
    "coordinated_attack",
)

LENGTH_STEPS: Final = (24, 75)
SETTLING_STEPS: Final = 6
"""After the end the node still recovers; these steps belong to the incident."""

ANOMALOUS_SHARE: Final = 0.115
"""Of all steps; a window is anomalous from a few anomalous steps on, so the share of windows is a little higher."""

SEVERITY: Final = (1.0, 1.6)
"""At difficulty 0; 1 is a fault that an attentive person sees on a dashboard."""
SEVERITY_LOST: Final = 0.55
"""How much of the severity difficulty 1 takes away."""


@dataclass(frozen=True, slots=True)
class Incident:
    """Steps `begin` to `end` (exclusive), the last `SETTLING_STEPS` of which are the recovery."""

    node: int
    kind: str
    begin: int
    end: int
    severity: float

    @property
    def steps(self) -> slice:
        """Where it is in the node's series."""
        return slice(self.begin, self.end)


def draw_incidents(
    nodes: int, steps: int, difficulty: float, rng: np.random.Generator, kinds: tuple[str, ...] = KINDS
) -> tuple[Incident, ...]:
    """Draw incidents of all `kinds`, each as often as the others, that do not overlap on a node."""
    incidents: list[Incident] = []
    mean_gap = (sum(LENGTH_STEPS) / 2) * (1 - ANOMALOUS_SHARE) / ANOMALOUS_SHARE
    order: list[str] = []
    for node in range(nodes):
        at = int(rng.uniform(0, 2 * mean_gap))
        while True:
            length = int(rng.integers(LENGTH_STEPS[0], LENGTH_STEPS[1] + 1))
            if at + length > steps:
                break
            order = order or [str(kind) for kind in rng.permutation(kinds)]
            severity = rng.uniform(*SEVERITY) * (1 - SEVERITY_LOST * difficulty)
            incidents.append(Incident(node, order.pop(), at, at + length, float(severity)))
            at += length + int(rng.uniform(0.4, 1.6) * mean_gap)
    return tuple(incidents)

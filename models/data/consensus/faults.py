"""What each fault does to what acts on a node.

Every fault moves several drivers by amounts that bursts, compactions, congestion and membership changes reach as
well; what betrays it is that the metrics no longer go together as they do under load.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dwcpc.models.data.consensus.incidents import SETTLING_STEPS, Incident
from dwcpc.models.data.consensus.load import Drivers

Course = NDArray[np.float64]  # [steps of the incident]: how much of the severity acts
Fault = Callable[[Drivers, Incident, Course, np.random.Generator], None]


def apply_incident(drivers: Drivers, incident: Incident, rng: np.random.Generator) -> None:
    """Change `drivers` in place over the incident's steps."""
    length = incident.end - incident.begin
    onset = rng.uniform(1, 6)
    course = np.minimum(np.arange(1, length + 1) / onset, 1.0)
    course[-SETTLING_STEPS:] *= np.linspace(0.8, 0.1, SETTLING_STEPS)
    FAULTS[incident.kind](drivers, incident, incident.severity * course, rng)


def _slow_disk(drivers: Drivers, incident: Incident, course: Course, _rng: np.random.Generator) -> None:
    at = incident.node, incident.steps
    drivers.disk[at] *= 1 + 0.75 * course
    drivers.processor[at] -= 0.02 * course
    drivers.lag_s[at] += 0.001 * course


def _network_partition(drivers: Drivers, incident: Incident, course: Course, _rng: np.random.Generator) -> None:
    at = incident.node, incident.steps
    cut_off = np.minimum(np.cumsum(course), 12.0)
    drivers.quorum[at] *= 1 + 0.45 * course
    drivers.loss[at] *= 1 + 2.0 * course
    drivers.lag_s[at] += 0.0006 * cut_off
    drivers.rejections[at] += 0.35 * course
    drivers.offered[at] *= 1 - 0.08 * course


def _byzantine_leader(drivers: Drivers, incident: Incident, course: Course, _rng: np.random.Generator) -> None:
    at = incident.node, incident.steps
    drivers.claimed_commit[at] *= 1 - 0.25 * np.minimum(course, 2.0)
    drivers.reported[at] *= 1 + 0.18 * course
    drivers.lag_s[at] += 0.002 * course
    drivers.rejections[at] += 0.4 * course
    drivers.processor[at] += 0.03 * course


def _flapping_leader(drivers: Drivers, incident: Incident, course: Course, rng: np.random.Generator) -> None:
    at = incident.node, incident.steps
    period = int(rng.integers(3, 7))
    election = ((np.arange(len(course)) + rng.integers(period)) % period == 0) * course
    drivers.elections[at] += 0.9 * election
    drivers.rejections[at] += 1.0 * election
    drivers.unavailable[at] += 0.25 * np.minimum(election, 2.0)
    drivers.lag_s[at] += 0.01 * election
    drivers.network[at] *= 1 + 0.1 * course


def _cascading_failure(drivers: Drivers, incident: Incident, course: Course, _rng: np.random.Generator) -> None:
    at = incident.node, incident.steps
    spread = course * np.linspace(0.45, 1.5, len(course))
    drivers.offered[at] = np.minimum(drivers.offered[at] * (1 + 0.18 * spread), 0.97)
    drivers.reported[at] *= 1 - 0.10 * np.minimum(spread, 3.0)
    drivers.processor[at] += 0.10 * spread
    drivers.network[at] *= 1 + 0.22 * spread
    drivers.loss[at] *= 1 + 1.0 * spread
    drivers.memory[at] += 4.0 * spread
    drivers.elections[at] += 0.05 * spread


def _coordinated_attack(drivers: Drivers, incident: Incident, course: Course, rng: np.random.Generator) -> None:
    at = incident.node, incident.steps
    wave = course * (1 + 0.4 * np.sin(2 * np.pi * np.arange(len(course)) / rng.uniform(4, 9)))
    drivers.processor[at] += 0.11 * wave
    drivers.network[at] *= 1 + 0.12 * wave
    drivers.loss[at] *= 1 + 1.2 * wave
    drivers.memory[at] += 3.0 * course
    drivers.rejections[at] += 0.3 * wave
    drivers.disk_use[at] += 0.05 * wave


FAULTS: Final[Mapping[str, Fault]] = MappingProxyType(
    {
        "slow_disk": _slow_disk,
        "network_partition": _network_partition,
        "byzantine_leader": _byzantine_leader,
        "flapping_leader": _flapping_leader,
        "cascading_failure": _cascading_failure,
        "coordinated_attack": _coordinated_attack,
    }
)

"""A group without a fault: requests with daily cycles and bursts, compactions, congestion, membership changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from dwcpc.models.data.consensus.nodes import Nodes
from dwcpc.models.data.processes import Series, autoregression, decaying_pulses, episodes

STEP_S: Final = 30.0
DAY_STEPS: Final = int(86400 / STEP_S)

BURSTS_A_DAY: Final = (4.0, 8.0)
"""At difficulty 0, and how many more at 1; so are the next two."""
CONGESTIONS_A_DAY: Final = (2.0, 4.0)
MEMBERSHIP_CHANGES_A_DAY: Final = (1.0, 3.0)
TRANSFERS_A_DAY: Final = 2.0


@dataclass(slots=True)
class Drivers:
    """What acts on a node in each step, [nodes, steps]; faults act by changing these, nobody else does.

    `offered` is what is asked for, as a share of the capacity, and `reported` what the leader makes of what it served;
    `disk` multiplies the disk's own time, `disk_use` and `processor` are utilisation beside the load's; `network`
    multiplies round trips, `loss` lost packets; `quorum` multiplies the wait for a majority, `lag_s` is how far
    followers are behind beyond the pipeline, `unavailable` the share of a step without a leader, `memory`
    percent points, `elections` and `rejections` expected counts a step, `claimed_commit` what the leader
    makes of its commit latency.
    """

    offered: Series
    reported: Series
    disk: Series
    disk_use: Series
    processor: Series
    network: Series
    loss: Series
    quorum: Series
    lag_s: Series
    unavailable: Series
    memory: Series
    elections: Series
    rejections: Series
    claimed_commit: Series


def normal_drivers(nodes: Nodes, steps: int, difficulty: float, rng: np.random.Generator) -> Drivers:
    """Draw what acts on each node while nothing is wrong."""
    shape = (len(nodes.rtt_ms), steps)
    members = episodes(shape, _a_day(MEMBERSHIP_CHANGES_A_DAY, difficulty), (10, 30), (0.5, 1.0), rng)
    transfers = rng.random(shape) < TRANSFERS_A_DAY / DAY_STEPS
    changed = np.diff(members > 0, axis=1, prepend=False) & (members > 0)
    one = np.ones(shape)
    return Drivers(
        offered=_offered(nodes, shape, difficulty, rng),
        reported=one.copy(),
        disk=one.copy(),
        disk_use=0.22 * members + _compaction(nodes, shape, rng),
        processor=0.05 * members,
        network=_network(shape, difficulty, rng) * (1 + 0.15 * members),
        loss=one.copy(),
        quorum=1 + 0.12 * members,
        lag_s=0.02 * members,
        unavailable=0.12 * transfers + 0.06 * changed,
        memory=2.0 * members,
        elections=1.0 * transfers + 0.6 * changed,
        rejections=0.4 * transfers + 0.4 * changed + 0.01,
        claimed_commit=one.copy(),
    )


def _a_day(count: tuple[float, float], difficulty: float) -> float:
    return (count[0] + count[1] * difficulty) / DAY_STEPS


def _offered(nodes: Nodes, shape: tuple[int, int], difficulty: float, rng: np.random.Generator) -> Series:
    turns = np.arange(shape[1]) / DAY_STEPS + nodes.daily_phase
    cycle = nodes.daily_swing * (np.sin(2 * np.pi * turns) + 0.3 * np.sin(4 * np.pi * turns))
    drift = np.exp(0.08 * autoregression(shape, 0.985, rng) + 0.03 * autoregression(shape, 0.5, rng))
    bursts = decaying_pulses(shape, _a_day(BURSTS_A_DAY, difficulty), (0.15, 0.5), (0.75, 0.95), rng)
    offered: Series = (nodes.utilisation + cycle) * drift * (1 + bursts)
    return offered.clip(0.05, 0.93)


def _compaction(nodes: Nodes, shape: tuple[int, int], rng: np.random.Generator) -> Series:
    """Return the disk's use by compactions: three steps in each period, whose begin wanders a little."""
    phase = rng.uniform(0, 1, (shape[0], 1)) * nodes.compaction_steps + np.cumsum(rng.normal(0, 0.02, shape), axis=1)
    runs = (np.arange(shape[1]) + phase) % nodes.compaction_steps < 3
    return np.where(runs, 0.2, 0.0)


def _network(shape: tuple[int, int], difficulty: float, rng: np.random.Generator) -> Series:
    congested = episodes(shape, _a_day(CONGESTIONS_A_DAY, difficulty), (4, 16), (0.15, 0.6), rng)
    network: Series = np.exp(0.10 * autoregression(shape, 0.9, rng)) * (1 + congested)
    return network

"""Simulated nodes of a fleet: ten metrics over time, and whether each node is or is about to be in trouble.

Queueing ties the metrics together: with utilisation ρ of what a node has left, latency grows as 1 / (1 − ρ), and with
exponential tails P(latency > x) = 100^(−x / p99) gives timeouts and violations of the service level. Counts are Poisson
counts of the sample's requests. So one cause moves many metrics, and one metric has many causes: a burst, a backup, a
deployment and a change of mode are normal, and a link that flaps looks healthy every other moment.

`difficulty` (1 is the default) divides the effect of every incident, and multiplies noise and harmless disturbances.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dwcpc.models.data.node_baselines import INTERVAL_S, MODES, TIERS, Baselines, Series, draw_baselines
from dwcpc.models.data.node_incidents import KINDS, Incidents, draw_incidents

METRICS = (
    "error_rate",
    "timeout_rate",
    "latency_p50",
    "latency_p99",
    "sla_violations",
    "connection_failures",
    "packet_loss_rate",
    "cpu_usage",
    "memory_usage",
    "disk_io",
)
LABEL = "label"  # 1: an incident is under way, or begins within HORIZON samples
CAUSE = "cause"  # the kind of it, empty where the label is 0; for reports, never for a model

MODE_FACTOR = np.array([1.4, 0.85, 1.0])  # of the service time, as MODES stand
TAIL = 2.5  # p99 / p50 of an idle node
TIMEOUT, SLA = 6.0, 2.0  # in p99 of the node's tier at rest
BUSIEST = 0.97  # utilisation that admission control allows


@dataclass(frozen=True, slots=True)
class Fleet:
    """What to simulate."""

    nodes: int = 240
    samples: int = 1200  # of each node, INTERVAL_S apart: 40 hours
    seed: int = 20260901
    difficulty: float = 1.0


def simulate_nodes(fleet: Fleet) -> dict[str, NDArray[Any]]:
    """Return a table, a row for each node and sample: node_id, timestamp, METRICS, mode, tier, LABEL and CAUSE."""
    rng = np.random.default_rng(fleet.seed)
    base = draw_baselines(rng, fleet.nodes, fleet.samples, fleet.difficulty)
    incidents = draw_incidents(rng, fleet.nodes, fleet.samples)
    metrics = _metrics(rng, base, incidents, fleet.difficulty)
    causes = np.array([*KINDS, ""])
    shape = incidents.label.shape
    columns = {
        "node_id": np.broadcast_to(np.array([[f"node-{node:04d}"] for node in range(fleet.nodes)]), shape),
        "timestamp": np.broadcast_to(np.arange(fleet.samples) * INTERVAL_S, shape),
        **{name: metrics[name] for name in METRICS},
        "mode": np.array(MODES)[base.mode],
        "tier": np.broadcast_to(np.array(TIERS)[base.tier], shape),
        LABEL: incidents.label.astype(np.float64),
        CAUSE: np.where(incidents.label, causes[incidents.kind], ""),
    }
    return {name: np.ascontiguousarray(values).reshape(-1) for name, values in columns.items()}


@dataclass(frozen=True, slots=True)
class _Queue:
    """How busy a node is: `own` of all it has, `felt` of what incidents leave it; `requests` a sample."""

    own: Series
    felt: Series
    requests: Series


def _metrics(
    rng: np.random.Generator, base: Baselines, incidents: Incidents, difficulty: float
) -> dict[str, NDArray[np.float64]]:
    trouble = {kind: incidents.of(kind) / difficulty for kind in KINDS}
    queue = _queue(base, trouble)
    memory = np.clip(base.memory_percent + 8.0 * queue.own + 38.0 * trouble["memory_leak"], 1.0, 99.0)
    loss = _loss(rng, base, queue, trouble["flapping_link"])
    p50, p99 = _latencies(rng, base, queue, trouble, (memory, loss, difficulty))
    rest_ms = base.service_ms * TAIL
    late = 100.0 ** (-TIMEOUT * rest_ms / p99)
    wrong = np.clip(
        base.error_floor * rng.lognormal(0.0, 0.15 * difficulty, p99.shape)
        + 0.5 * late
        + 0.3 * loss
        + 0.03 * trouble["misconfiguration"]
        + 0.006 * trouble["memory_leak"],
        0.0,
        1.0,
    )
    refused = 5e-4 + 0.2 * loss + 0.012 * trouble["misconfiguration"]
    return {
        "error_rate": _share(rng, queue.requests, wrong),
        "timeout_rate": _share(rng, queue.requests, late + 0.1 * loss),
        "latency_p50": p50,
        "latency_p99": p99,
        "sla_violations": rng.poisson(queue.requests * 100.0 ** (-SLA * rest_ms / p99)).astype(np.float64),
        "connection_failures": rng.poisson(queue.requests * refused + 40.0 * base.deployed).astype(np.float64),
        "packet_loss_rate": loss,
        "cpu_usage": _cpu(rng, queue, trouble, difficulty),
        "memory_usage": np.clip(memory + rng.normal(0.0, 0.8 * difficulty, memory.shape), 1.0, 100.0),
        "disk_io": _disk(rng, base, queue, trouble, (memory, difficulty)),
    }


def _queue(base: Baselines, trouble: dict[str, Series]) -> _Queue:
    """An overload offers more, a noisy neighbour leaves less, and a misconfigured service refuses part of its work."""
    offered = base.utilisation + 0.45 * trouble["overload"]
    stolen = np.clip(0.5 * trouble["noisy_neighbour"], 0.0, 0.7)
    felt = np.clip(offered / (1.0 - stolen), 0.02, BUSIEST)
    return _Queue(np.clip(offered, 0.02, BUSIEST), felt, base.requests * np.clip(offered, 0.02, 1.2))


def _loss(rng: np.random.Generator, base: Baselines, queue: _Queue, flapping: Series) -> Series:
    """A floor, congestion, passing bursts, and a link that is down for one to three of every four samples."""
    down = rng.random(flapping.shape) < 0.55
    floor = base.loss_floor * rng.lognormal(0.0, 0.3, flapping.shape)
    congestion = 0.05 * np.maximum(0.0, queue.felt - 0.85)
    return np.clip(floor + congestion + base.lost_burst + 0.09 * flapping * down, 0.0, 1.0)


def _latencies(
    rng: np.random.Generator,
    base: Baselines,
    queue: _Queue,
    trouble: dict[str, Series],
    context: tuple[Series, Series, float],
) -> tuple[Series, Series]:
    """Return p50 and p99 in ms: service time, waiting, swapping, retries of a disk, retransmissions."""
    memory, loss, difficulty = context
    waiting = 1.0 / (1.0 - queue.felt) - 1.0
    retries = trouble["failing_disk"] * rng.uniform(0.5, 1.5, loss.shape)
    swapping = np.maximum(0.0, memory - 85.0) / 10.0
    evicted = trouble["noisy_neighbour"]  # from caches that both share
    p50 = (
        base.service_ms
        * MODE_FACTOR[base.mode]
        * (1.0 + 0.25 * waiting + 0.15 * retries + 0.2 * swapping + 0.3 * evicted)
    )
    p50 = p50 * rng.lognormal(0.0, 0.04 * difficulty, loss.shape)
    tail = TAIL * (1.0 + 0.12 * waiting + 1.2 * retries + 0.8 * swapping + 0.8 * evicted + 6.0 * loss)
    return p50, p50 * np.maximum(1.1, tail * rng.lognormal(0.0, 0.08 * difficulty, loss.shape))


def _cpu(rng: np.random.Generator, queue: _Queue, trouble: dict[str, Series], difficulty: float) -> Series:
    """Work, collecting garbage while memory runs out, and less work where requests fail at once."""
    work = 100.0 * queue.own * (1.0 - np.clip(0.35 * trouble["misconfiguration"], 0.0, 0.8))
    return np.clip(work + 12.0 * trouble["memory_leak"] + rng.normal(0.0, 1.5 * difficulty, work.shape), 0.0, 100.0)


def _disk(
    rng: np.random.Generator,
    base: Baselines,
    queue: _Queue,
    trouble: dict[str, Series],
    context: tuple[Series, float],
) -> Series:
    """Follows the load; a backup and swapping add to it, and a failing disk gets less done."""
    memory, difficulty = context
    share = 0.3 + queue.own + 1.2 * base.backup + 0.06 * np.maximum(0.0, memory - 85.0)
    slowed = 1.0 - np.clip(0.45 * trouble["failing_disk"], 0.0, 0.9)
    return base.disk_mb_s * share * slowed * rng.lognormal(0.0, 0.1 * difficulty, share.shape)


def _share(rng: np.random.Generator, requests: Series, probability: Series) -> Series:
    """Return the share of the requests that a Poisson count of them is."""
    return np.minimum(1.0, rng.poisson(requests * probability) / requests)

"""A seeded table of simulated links: what a service measures each minute, and the state behind the measurements.

With the capacity C' that the air leaves, the utilisation ρ of it and the queue of `queue.py`, whose bursts take
s to send (`sending_ms`),

    free       = C' · (1 − ρ + ρ / (1 + flows))                what is left, and a share of what others have
    throughput = what a transfer of that gets (`transferred`)
    rtt        = the idle link's + s · mean of the queue + what the air adds
    jitter     = √(the idle link's² + (s · deviation of the queue)²)
    loss       = 1 − (1 − idle) · (1 − air) · (1 − queue)

`true_*` columns are that; the others are what probes (`probe.py`) and counters say of it. Nothing here is measured
on a real system.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dwcpc.models.data.bandwidth.demand import demand
from dwcpc.models.data.bandwidth.links import (
    BURST_BYTES,
    BURST_MS,
    DAY_S,
    LINK_TYPES,
    REGIONS,
    SEGMENT_BYTES,
    STEP_S,
    Links,
    draw_links,
    stretched,
)
from dwcpc.models.data.bandwidth.probe import State, probed
from dwcpc.models.data.bandwidth.queue import offered, queued
from dwcpc.models.data.bandwidth.radio import Radio, radio
from dwcpc.models.data.processes import Series, autoregression, noisy
from dwcpc.models.data.table import Table

GROUP: Final = "link_id"
TIME: Final = "timestamp"
MEASURED: Final = tuple(field.name for field in dataclasses.fields(State))
TRUE: Final = tuple(f"true_{name}" for name in MEASURED)

STREAMS: Final = 16
FLOWS: Final = 60.0
"""Of a link that is used to its capacity."""
LOST_SIGNAL_DB: Final = 1.0
"""Standard deviation of what a radio reports of its signal."""


@dataclass(frozen=True, slots=True)
class BandwidthSimulation:
    """How much is simulated, and how: a step is a minute. With a `stretch` above 1 links differ more (`stretched`)."""

    seed: int
    links: int
    steps: int
    difficulty: float = 0.5
    stretch: float = 1.0


def simulate_bandwidth(order: BandwidthSimulation) -> Table:
    """Return the table, link by link in order of time."""
    rng = np.random.default_rng(order.seed)
    links = draw_links(order.links, rng)
    if order.stretch > 1:
        links = stretched(links, order.stretch, rng)
    air = radio(links, order.steps, order.difficulty, rng)
    asked = demand(links, order.steps, order.difficulty, rng)
    capacity = links.capacity_mbps * air.share
    load = offered(asked / air.share)
    queue = queued(load, links.of_type("buffer"))
    flows = 2 + FLOWS * asked
    state = _state(links, air, capacity, load, flows)
    measured = probed(state, order.difficulty, rng)
    counted = _counted(links, state, capacity * load * own_share(load.shape, rng), rng)
    sensed = {
        "queue_depth": np.maximum(queue.mean + queue.deviation / np.sqrt(10) * rng.standard_normal(load.shape), 0),
        "active_flows": rng.poisson(flows).astype(np.float64),
        "signal_dbm": air.signal_dbm + LOST_SIGNAL_DB * rng.standard_normal(load.shape),
    }
    names = np.array([f"s{order.seed}l{link:03d}" for link in range(order.links)])
    columns: dict[str, NDArray[Any]] = {
        GROUP: np.repeat(names, order.steps),
        TIME: (links.begins_s + np.arange(order.steps) * STEP_S).ravel(),
    }
    series = {**dataclasses.asdict(measured), **counted, **sensed, **_clock(links, order.steps)}
    columns |= {name: values.ravel() for name, values in series.items()}
    columns |= {name: np.repeat(values, order.steps) for name, values in _constants(links).items()}
    columns["dwcp_mode"] = _mode(load).ravel()
    true = dataclasses.asdict(state)
    return columns | {column: true[name].ravel() for column, name in zip(TRUE, MEASURED, strict=True)}


def _state(links: Links, air: Radio, capacity: Series, load: Series, flows: Series) -> State:
    queue = queued(load, links.of_type("buffer"))
    burst_ms = sending_ms(capacity)
    rtt_ms = links.rtt_ms + burst_ms * queue.mean + air.delay_ms
    packet_loss = 1 - (1 - links.loss) * (1 - air.loss) * (1 - queue.loss)
    return State(
        throughput_mbps=transferred(capacity * (1 - load + load / (1 + flows)), rtt_ms, packet_loss),
        rtt_ms=rtt_ms,
        packet_loss=packet_loss,
        jitter_ms=np.hypot(links.jitter_ms, burst_ms * queue.deviation),
    )


def sending_ms(capacity_mbps: Series) -> Series:
    """Return how long a burst takes."""
    burst = (BURST_MS * capacity_mbps * 1e3 / 8).clip(*BURST_BYTES)
    time: Series = burst * 8 / (capacity_mbps * 1e3)
    return time


def transferred(free_mbps: Series, rtt_ms: Series, packet_loss: Series) -> Series:
    """Return the rate of a transfer by `STREAMS` streams: what is free, or what loss lets them have, whichever is less.

    Between the two it goes over smoothly; the second is 1.22 · segment / (rtt · √loss) (Mathis et al., 1997).
    """
    by_loss = STREAMS * 1.22 * SEGMENT_BYTES * 8 / (rtt_ms * 1e3 * np.sqrt(packet_loss))
    rate: Series = free_mbps * by_loss / np.hypot(free_mbps, by_loss)
    return rate


def own_share(shape: tuple[int, int], rng: np.random.Generator) -> Series:
    """Return the service's own part of what a link carries: the rest is others', whom it cannot count."""
    return 0.35 + 0.1 * autoregression(shape, 0.95, rng).clip(-3, 3)


def _counted(links: Links, state: State, own_mbps: Series, rng: np.random.Generator) -> dict[str, Series]:
    """Return what the service counts of its own traffic."""
    total = np.rint(own_mbps * 1e6 / 8 * STEP_S)
    window = state.throughput_mbps * 1e6 / 8 * state.rtt_ms / 1e3 / SEGMENT_BYTES
    return {
        "bytes_tx": np.rint(total * links.sent_share),
        "bytes_rx": np.rint(total * (1 - links.sent_share)),
        "retransmits": rng.poisson(total / SEGMENT_BYTES * state.packet_loss).astype(np.float64),
        "congestion_window": (1 + window) * noisy(window.shape, 0.15, rng),
    }


def _clock(links: Links, steps: int) -> dict[str, Series]:
    seconds = links.begins_s + np.arange(steps) * STEP_S
    return {
        "link_capacity_mbps": np.broadcast_to(links.capacity_mbps, seconds.shape),
        "seconds_of_day": seconds % DAY_S,
        "day_of_week": np.floor(seconds / DAY_S) % 7,
    }


def _constants(links: Links) -> dict[str, NDArray[Any]]:
    return {
        "region": np.array(REGIONS)[links.region],
        "az": links.zone,
        "link_type": np.array([each.name for each in LINK_TYPES])[links.kind],
        "network_tier": links.tier,
        "transport_type": links.transport,
    }


def _mode(load: Series) -> NDArray[np.str_]:
    """Return what the service makes of the link's use: it falls back where there is little left."""
    return np.where(load > 0.9, "fallback", np.where(load < 0.6, "optimized", "standard"))

"""What does not change of a link: where it is, of which kind, how wide, how long and how busy."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

PerLink = NDArray[np.float64]  # [links, 1], to broadcast over steps
Names = NDArray[np.str_]  # [links]

STEP_S: Final = 60.0
DAY_S: Final = 86_400.0
WEEK_S: Final = 7 * DAY_S

REGIONS: Final = ("us-east", "us-west", "eu-central", "ap-south")
REGION_RTT_MS: Final = (4.0, 10.0, 18.0, 35.0)
REGION_CLOCK_H: Final = (-5.0, -8.0, 1.0, 5.5)
"""Of its clock against the table's."""
ZONES: Final = ("a", "b", "c")
TIERS: Final = ("tier1", "tier2", "tier3")
TRANSPORTS: Final = ("tcp", "quic", "rdma")

SEGMENT_BYTES: Final = 1460.0
BURST_BYTES: Final = (2 * SEGMENT_BYTES, 32e3)
BURST_MS: Final = 4.0
"""Packets come and are queued in bursts of 32 KB, or of what a slower link sends in 4 ms, about as long as a radio may
transmit at a time; of two segments at least."""


@dataclass(frozen=True, slots=True)
class LinkType:
    """A kind of link: the ends of the range of its capacity, and what it has when nothing is queued.

    `demand` are the ends of a mean hour's, as a share of the capacity: radio is planned for weak signals. `buffer` is
    how many bursts its queue holds. `signal_dbm` is a radio's on a good day; None means a cable.
    """

    name: str
    share: float
    capacity_mbps: tuple[float, float]
    rtt_ms: float
    jitter_ms: float
    loss: float
    buffer: int
    demand: tuple[float, float]
    signal_dbm: float | None = None


LINK_TYPES: Final = (
    LinkType("fiber", 0.3, (400.0, 1000.0), 1.0, 0.1, 1e-5, 60, (0.35, 0.6)),
    LinkType("ethernet", 0.3, (200.0, 500.0), 2.0, 0.2, 3e-5, 50, (0.35, 0.6)),
    LinkType("wireless", 0.25, (80.0, 250.0), 9.0, 1.5, 1e-3, 40, (0.25, 0.45), -68.0),
    LinkType("satellite", 0.15, (40.0, 150.0), 45.0, 3.0, 2e-3, 40, (0.3, 0.5), -72.0),
)
CABLE_DBM: Final = -10.0
"""What a cable's transceiver reads, which says nothing."""


@dataclass(frozen=True, slots=True)
class Links:
    """Constants of each link; `kind` and `region` are places in `LINK_TYPES` and `REGIONS`."""

    kind: NDArray[np.int64]
    region: NDArray[np.int64]
    zone: Names
    tier: Names
    transport: Names
    capacity_mbps: PerLink
    rtt_ms: PerLink
    jitter_ms: PerLink
    loss: PerLink
    demand: PerLink  # of a mean hour, as a share of the capacity
    swing: PerLink  # of the day around it
    sent_share: PerLink
    begins_s: PerLink  # seconds into its week

    @property
    def count(self) -> int:
        """Return how many there are."""
        return len(self.kind)

    def of_type(self, field: str) -> NDArray[Any]:
        """Return a field of each link's type, [links]."""
        return np.array([getattr(each, field) for each in LINK_TYPES])[self.kind]


def stretched(links: Links, factor: float, rng: np.random.Generator) -> Links:
    """Return links of which each is wider or narrower, longer or shorter, cleaner or worse, by up to `factor`.

    What is multiplied, each by a number of its own between 1 / factor and factor, are capacity, idle round trip, jitter
    and loss: links as `draw_links` has them, and beyond its ranges.
    """
    drawn = np.exp(rng.uniform(-np.log(factor), np.log(factor), (4, links.count, 1)))
    return dataclasses.replace(
        links,
        capacity_mbps=links.capacity_mbps * drawn[0],
        rtt_ms=links.rtt_ms * drawn[1],
        jitter_ms=links.jitter_ms * drawn[2],
        loss=links.loss * drawn[3],
    )


def draw_links(count: int, rng: np.random.Generator) -> Links:
    """Draw `count` links."""
    kind = rng.choice(len(LINK_TYPES), count, p=[each.share for each in LINK_TYPES])
    region = rng.integers(len(REGIONS), size=count)

    def ends(field: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        low, high = np.array([getattr(each, field) for each in LINK_TYPES])[kind].T
        return low, high

    def typical(field: str) -> PerLink:
        values: PerLink = np.array([getattr(each, field) for each in LINK_TYPES])[kind][:, None]
        return values * rng.uniform(0.75, 1.3, (count, 1))

    return Links(
        kind=kind,
        region=region,
        zone=rng.choice(ZONES, count),
        tier=rng.choice(TIERS, count),
        transport=rng.choice(TRANSPORTS, count),
        capacity_mbps=np.exp(rng.uniform(*np.log(ends("capacity_mbps"))))[:, None],
        rtt_ms=typical("rtt_ms") + np.array(REGION_RTT_MS)[region][:, None] * rng.uniform(0.8, 1.25, (count, 1)),
        jitter_ms=typical("jitter_ms"),
        loss=typical("loss"),
        demand=rng.uniform(*ends("demand"))[:, None],
        swing=rng.uniform(0.08, 0.2, (count, 1)),
        sent_share=rng.uniform(0.3, 0.7, (count, 1)),
        begins_s=rng.integers(int(WEEK_S / STEP_S), size=(count, 1)).astype(np.float64) * STEP_S,
    )

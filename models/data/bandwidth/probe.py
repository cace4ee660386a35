"""What a service measures of a link in a minute: probes, which are small samples, and counters, which are exact.

Each probe errs as its size makes it, and `difficulty` from 0 to 1 makes it smaller:

    throughput   packet trains: log-normal around what is free, standard deviation TRAIN_NOISE
    rtt          the mean of n pings, each of which waits as the queue lets it: normal, jitter / √n
    jitter       the standard deviation of those pings: jitter · √(χ²_{n−1} / (n − 1))
    loss         of N probes the lost ones: binomial
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from dwcpc.models.data.processes import Series, noisy

TRAIN_NOISE: Final = (0.03, 0.10)
"""At difficulty 0, and how much more at 1."""
PINGS: Final = (16, 4)
"""At difficulty 0 and at 1, and so are the probes."""
PROBES: Final = (12_000, 3000)


@dataclass(frozen=True, slots=True)
class State:
    """What holds of each link in each minute, [links, steps]."""

    throughput_mbps: Series
    rtt_ms: Series
    packet_loss: Series
    jitter_ms: Series


def probed(state: State, difficulty: float, rng: np.random.Generator) -> State:
    """Return what is measured of `state`."""
    shape = state.rtt_ms.shape
    pings, probes = (round(a * (b / a) ** difficulty) for a, b in (PINGS, PROBES))
    return State(
        throughput_mbps=state.throughput_mbps * noisy(shape, TRAIN_NOISE[0] + TRAIN_NOISE[1] * difficulty, rng),
        rtt_ms=np.maximum(state.rtt_ms + state.jitter_ms / np.sqrt(pings) * rng.standard_normal(shape), 0.1),
        packet_loss=rng.binomial(probes, state.packet_loss) / probes,
        jitter_ms=state.jitter_ms * np.sqrt(rng.chisquare(pings - 1, shape) / (pings - 1)),
    )

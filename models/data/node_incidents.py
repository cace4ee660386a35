"""When nodes fail, and how badly: incidents of six kinds, each announced by a precursor of growing severity.

An incident of strength a that begins at sample b, after a precursor of P samples, has the severity

    s(b − P + k) = a · (FIRST_SIGN + (LAST_SIGN − FIRST_SIGN) · (k + 1) / P)   k = 0 … P − 1
    s(b + k)     = a · min(1, LAST_SIGN + (k + 1) / ONSET)    until it is repaired, and 0 from the next sample on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

KINDS = ("memory_leak", "noisy_neighbour", "failing_disk", "flapping_link", "overload", "misconfiguration")

HORIZON = 5  # samples: a row is labelled when an incident is under way or begins within so many
QUIET = (120, 400)  # samples between two incidents of a node, drawn uniformly, as the other ranges
PRECURSOR = (7, 13)  # more than HORIZON: the first signs come before the label, as they do
DURATION = (15, 45)
STRENGTH = (0.8, 1.4)
FIRST_SIGN, LAST_SIGN = 0.4, 0.75  # severity at a precursor's begin and end
ONSET = 5  # samples of an incident, at most, to full severity


@dataclass(frozen=True, slots=True)
class Incidents:
    """What is wrong at each sample, [nodes, samples] each.

    `severity` is 0 where nothing is, `kind` an index into KINDS, −1 outside of incidents and precursors, `under_way`
    true from an incident's beginning to its repair, `label` true there and within HORIZON samples before.
    """

    severity: NDArray[np.float64]
    kind: NDArray[np.int8]
    under_way: NDArray[np.bool_]
    label: NDArray[np.bool_]

    def of(self, kind: str) -> NDArray[np.float64]:
        """Return the severity where the trouble is of that kind, 0 elsewhere."""
        return np.where(self.kind == KINDS.index(kind), self.severity, 0.0)


def draw_incidents(rng: np.random.Generator, nodes: int, samples: int) -> Incidents:
    """Draw each node's incidents, one after the other with quiet between them."""
    shape = (nodes, samples)
    severity, kind = np.zeros(shape), np.full(shape, -1, np.int8)
    under_way, label = np.zeros(shape, np.bool_), np.zeros(shape, np.bool_)
    for node in range(nodes):
        at = int(rng.integers(0, QUIET[1]))
        while at < samples:
            precursor, duration = int(rng.integers(*PRECURSOR)), int(rng.integers(*DURATION))
            begin, end = at + precursor, at + precursor + duration
            course = _course(precursor, duration) * rng.uniform(*STRENGTH)
            severity[node, at:end] = course[: samples - at]
            kind[node, at:end] = rng.integers(len(KINDS))
            under_way[node, begin:end] = True
            label[node, max(at, begin - HORIZON) : end] = True
            at = end + int(rng.integers(*QUIET))
    return Incidents(severity, kind, under_way, label)


def _course(precursor: int, duration: int) -> NDArray[np.float64]:
    """Return the severity of an incident of strength 1, from the precursor's first sample to the repair."""
    growing = FIRST_SIGN + (LAST_SIGN - FIRST_SIGN) * np.arange(1, precursor + 1) / precursor
    full = np.minimum(1.0, LAST_SIGN + np.arange(1, duration + 1) / ONSET)
    return np.concatenate([growing, full])

"""How fast is the processor for this thread, now? A fixed amount of arithmetic, in CPU time.

CPU time, not wall time: a busy sibling of the core, a lower clock and a full memory bus make the probe and a model
slower alike, and being preempted makes neither. The Go side of it is `go_harness/internal/measure/probe.go`; the two
are different work, so that figures compare within a runtime only.
"""

from __future__ import annotations

import time

import numpy as np

SLICES = 11  # the middle one counts: one interrupt does not
PRODUCTS = 1000
VALUES = (
    4096  # 16 KiB: they stay in the first cache, as a small model's weights almost do; BLAS takes one thread for them
)


def probe_ms() -> float:
    """Return the thread CPU time in ms of the middle one of several equal slices of work."""
    values = np.ones(VALUES, np.float32)
    taken = []
    for _ in range(SLICES):
        begun = time.thread_time_ns()
        for _ in range(PRODUCTS):
            np.dot(values, values)
        taken.append(time.thread_time_ns() - begun)
    return float(np.median(taken)) / 1e6

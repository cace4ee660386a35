"""Who used the processors meanwhile: time of the whole machine, what the hypervisor took included, and one's own."""

from __future__ import annotations

import time
from dataclasses import dataclass

from dwcpc.bench.environment import busy_ticks

TICKS_PER_S = 100  # USER_HZ, the same on every Linux


@dataclass(frozen=True, slots=True)
class ProcessorTime:
    """Seconds since some origin; `machine_s` is none where the system does not count."""

    wall_s: float
    machine_s: float | None
    own_s: float

    @classmethod
    def now(cls) -> ProcessorTime:
        """Read the clocks."""
        ticks = busy_ticks()
        return cls(time.perf_counter(), ticks / TICKS_PER_S if ticks else None, time.process_time())

    def others_cores(self, before: ProcessorTime) -> float | None:
        """Return the time that other processes used since `before`, as a number of cores."""
        if self.machine_s is None or before.machine_s is None or self.wall_s <= before.wall_s:
            return None
        others = (self.machine_s - before.machine_s) - (self.own_s - before.own_s)
        return max(0.0, others) / (self.wall_s - before.wall_s)  # ticks are coarse: it can come out below nothing

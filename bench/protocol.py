"""How much is measured. Less than all of it may fail a bundle and never pass one."""

from __future__ import annotations

from dataclasses import dataclass, replace

from dwcpc.bench.paired import PAIRS, SECONDS

# To bound p99 at all takes 459 calls (bench/stats.py): a model that is within twice its budget makes them in this time.
LEAST_CUT_S = 20.0
CUT_PER_LIMIT = 2 * 459
MOST_CUT_S = 3600.0  # the harness takes no more


@dataclass(frozen=True, slots=True)
class Protocol:
    """`shortfall` says why what is measured decides nothing; empty when it does.

    A process makes `calls` calls and takes `seconds`, both at least. `attempts` is how often a bundle that is neither
    within its budgets nor over them is measured. `pairs` are of blocks that take `block_seconds` at least.
    `load_seconds` is how long the process under load is kept busy.

    Python takes fewer processes than Go: its figures are shown, Go's decide, and they have to be there within the time
    that people wait for a gate.
    """

    processes: int = 5
    python_processes: int = 3
    calls: int = 2000
    seconds: float = 2.0
    attempts: int = 2
    pairs: int = PAIRS
    block_seconds: float = SECONDS
    load_seconds: float = 5.0
    shortfall: str = ""

    @property
    def decisive(self) -> bool:
        """Whether a bundle can pass by it."""
        return not self.shortfall

    def processes_of(self, runtime: str) -> int:
        """Return how many processes `runtime` takes."""
        return self.python_processes if runtime == "python" else self.processes

    def changed(self, processes: int | None, calls: int | None) -> Protocol:
        """Return it with so many processes of each runtime and calls; fewer than the protocol asks decide nothing."""
        short = [
            f"--{name} {given} is fewer than {asked}, which is not decisive"
            for name, given, asked in (("processes", processes, FULL.processes), ("calls", calls, FULL.calls))
            if given is not None and given < asked
        ]
        return replace(
            self,
            processes=processes or self.processes,
            python_processes=processes or self.python_processes,
            calls=calls or self.calls,
            shortfall="; ".join(filter(None, [self.shortfall, *short])),
        )


FULL = Protocol()
QUICK = Protocol(
    processes=3,
    python_processes=1,
    calls=500,
    seconds=0.3,
    attempts=1,
    block_seconds=0.02,
    load_seconds=1.0,
    shortfall="--quick is not decisive",
)


def cut_seconds(limit_ms: float) -> float:
    """Return after how long a process is cut short, given the limit of p99: only what is far over it ever is."""
    return min(MOST_CUT_S, max(LEAST_CUT_S, CUT_PER_LIMIT * limit_ms / 1e3))

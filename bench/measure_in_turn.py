"""Fresh processes of every bundle and runtime in turn, so that no bundle has the quiet minute to itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dwcpc.bench.disturbance import fastest_probe_ms
from dwcpc.bench.judge_runs import judge_runs
from dwcpc.bench.measure import Answer, Samples, go_samples, python_samples
from dwcpc.bench.process_run import Process, process, runtime_runs
from dwcpc.bench.protocol import Protocol, cut_seconds
from dwcpc.compiler.errors import DwcpcError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from dwcpc.bench.budgets import Limits
    from dwcpc.bench.findings import ProcessRun, RuntimeRuns
    from dwcpc.compiler.bundle import Bundle
    from dwcpc.compiler.metadata import Budget

GO = "go"
PYTHON = "python"
RUNTIMES = (PYTHON, GO)


@dataclass(frozen=True, slots=True)
class Job:
    """One bundle to measure, on `rows`, and what it is held to."""

    bundle: Bundle
    rows: NDArray[np.float32]
    limits: Limits
    rate_per_s: float


# A job, a runtime and the protocol in; what one fresh process of it answered out.
Take = Callable[[Job, str, Protocol], tuple[Answer, Samples]]


def fresh_process(job: Job, runtime: str, protocol: Protocol) -> tuple[Answer, Samples]:
    """Measure in one fresh process."""
    sample = go_samples if runtime == GO else python_samples
    cut_s = cut_seconds(job.limits.latency_p99_ms)
    return sample(job.bundle, job.rows, protocol.calls, protocol.seconds, cut_s)


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured of one job; `failure` says why nothing could be, where that is so."""

    runs: tuple[RuntimeRuns, ...]
    budgets: tuple[Budget, ...]
    failure: str | None


@dataclass(slots=True)
class _Taken:
    """Collects one job's processes; those of Go that `judged_from` and the later ones are decide."""

    job: Job
    processes: dict[str, list[Process]] = field(default_factory=dict)
    judged_from: int = 0
    failure: str | None = None

    def judged(self) -> list[ProcessRun]:
        """Return the Go processes that decide."""
        if self.failure is not None:
            return []
        return [each.run for each in self.processes.get(GO, [])[self.judged_from :]]


def measure_in_turn(
    jobs: Sequence[Job],
    protocol: Protocol,
    progress: Callable[[str], None],
    runtimes: Sequence[str] = RUNTIMES,
    take: Take = fresh_process,
) -> list[Measured]:
    """Measure every job in each of `runtimes`, and in Go again what is undecided after that.

    The second attempt is judged by itself: five quiet processes are no worse for five noisy ones before them.
    """
    taken = [_Taken(job) for job in jobs]
    _measure_once(taken, protocol, runtimes, progress, take)
    for _ in range(protocol.attempts - 1):
        pending = _undecided(taken)
        for each in pending:
            each.judged_from = len(each.processes[GO])
            progress(f"{each.job.bundle.metadata.name}: undecided, so once more")
        _measure_once(pending, protocol, [GO], progress, take)
    fastest_ms = _fastest_ms(taken)
    return [_measured(each, fastest_ms) for each in taken]


def turns(protocol: Protocol, jobs: int, runtimes: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    """Yield (round, job, runtime): each round begins one place further on."""
    places = [(job, runtime) for job in range(jobs) for runtime in runtimes]
    for index in range(max(map(protocol.processes_of, runtimes), default=0) if places else 0):
        at = index % len(places)
        for job, runtime in places[at:] + places[:at]:
            if index < protocol.processes_of(runtime):
                yield index, job, runtime


def _measure_once(
    pending: list[_Taken], protocol: Protocol, runtimes: Sequence[str], progress: Callable[[str], None], take: Take
) -> None:
    for index, place, runtime in turns(protocol, len(pending), runtimes):
        each = pending[place]
        if each.failure is not None:
            continue
        metadata = each.job.bundle.metadata
        progress(f"{metadata.name} v{metadata.version} in {runtime}, process {index + 1}")
        try:
            each.processes.setdefault(runtime, []).append(process(*take(each.job, runtime, protocol)))
        except InputError:
            raise  # the machine's or the user's, not this bundle's
        except DwcpcError as error:
            each.failure = str(error)


def _undecided(taken: list[_Taken]) -> list[_Taken]:
    fastest_ms = _fastest_ms(taken)
    return [
        each
        for each in taken
        if each.judged() and any(budget.verdict == "inconclusive" for budget in _budgets(each, fastest_ms))
    ]


def _fastest_ms(taken: list[_Taken]) -> float | None:
    runs = [each.run for one in taken for each in one.processes.get(GO, [])]
    return fastest_probe_ms(runs) if runs else None


def _budgets(each: _Taken, fastest_ms: float | None) -> tuple[Budget, ...]:
    return judge_runs(each.job.bundle, each.job.limits, each.judged(), each.job.rate_per_s, fastest_ms)


def _measured(each: _Taken, fastest_ms: float | None) -> Measured:
    runs = tuple(runtime_runs(runtime, processes) for runtime, processes in each.processes.items() if processes)
    return Measured(runs, _budgets(each, fastest_ms), each.failure)

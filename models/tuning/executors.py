"""Who runs the trials of a study: here, one after the other; `on_ray.py` has the tasks of a cluster."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from dwcpc.models.tuning.storage import Place, known_study
from dwcpc.models.tuning.trial import Job, Told, run_trial


@dataclass(frozen=True, slots=True)
class Limits:
    """How many more trials, and after how many seconds none begins any more."""

    trials: int
    timeout_s: float | None = None
    begun: float = field(default_factory=time.monotonic)

    def reached(self, trials: int) -> bool:
        """Return whether none may follow after so many."""
        late = self.timeout_s is not None and time.monotonic() - self.begun >= self.timeout_s
        return trials >= self.trials or late


class Executor(Protocol):
    """Runs trials until a limit is reached, and hands over each that ended."""

    def __call__(self, place: Place, job: Job, limits: Limits, told: Callable[[Told], None]) -> None:
        """Return when all have ended; an interruption is raised, with what is done kept in the study."""
        ...


def run_here(place: Place, job: Job, limits: Limits, told: Callable[[Told], None]) -> None:
    """Run one trial after the other in this process."""
    study = known_study(place)
    ended = 0
    while not limits.reached(ended):
        told(run_trial(study, job))
        ended += 1

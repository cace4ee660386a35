"""Trials as tasks of a Ray cluster, as many at once as it has processors.

A task opens the study itself, so that another machine needs nothing but the study's address.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dwcpc.compiler.errors import InputError, first_line
from dwcpc.models.tuning.executors import Limits
from dwcpc.models.tuning.storage import SQLITE, Place, known_study
from dwcpc.models.tuning.trial import Job, Told, run_trial

POLL_S = 0.5
LAST_WORDS_S = 15
"""Cancelled tasks are given so long to mark their trials."""


@dataclass(frozen=True, slots=True)
class OnRay:
    """Runs trials on the cluster at `address`, or on a local one of so many `processors`; none is all."""

    address: str | None = None
    processors: int | None = None

    def __call__(self, place: Place, job: Job, limits: Limits, told: Callable[[Told], None]) -> None:
        """Run until a limit is reached; trials that are under way then are waited for."""
        ray = self._connected()
        try:
            _check(ray, place)
            _run(ray, (place, job), limits, told)
        finally:
            ray.shutdown()

    def _connected(self) -> Any:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # or it reports to its makers
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # or it warns of what will change
        try:
            import ray
        except ImportError as error:
            raise InputError("--executor ray needs ray, which is not installed; install dwcpc[tune,ray]") from error
        options: dict[str, Any] = {"logging_level": "error", "log_to_driver": False}
        if self.address is None:
            options |= {"num_cpus": self.processors, "include_dashboard": False}
        try:
            ray.init(self.address or "local", **options)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise InputError(
                f"--ray-address {self.address}: no Ray cluster can be reached there ({first_line(error)}); start one "
                "with `ray start --head`, or omit the option for a local one"
            ) from error
        return ray


def _check(ray: Any, place: Place) -> None:
    machines = sum(bool(node["Alive"]) for node in ray.nodes())
    if machines > 1 and place.url.startswith(SQLITE):
        raise InputError(
            f"the cluster has {machines} machines and a SQLite file is on one of them; give --storage a database that "
            "all of them reach, such as postgresql://user:password@host/database"
        )


def _run(ray: Any, work: tuple[Place, Job], limits: Limits, told: Callable[[Told], None]) -> None:
    at_once = max(1, int(ray.cluster_resources().get("CPU", 1)))
    task = ray.remote(num_cpus=1, max_retries=0)(_trial)
    pending: list[Any] = []
    begun = 0
    try:
        while pending or not limits.reached(begun):
            while len(pending) < at_once and not limits.reached(begun):
                pending.append(task.remote(*work))
                begun += 1
            ended, pending = ray.wait(pending, timeout=POLL_S)
            for one in ended:
                told(ray.get(one))
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None
    finally:
        for one in pending:
            ray.cancel(one)
        if pending:
            ray.wait(pending, num_returns=len(pending), timeout=LAST_WORDS_S)


def _trial(place: Place, job: Job) -> Told:
    return run_trial(known_study(place), job)

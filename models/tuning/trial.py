"""One trial: choose, measure the latency where it is known before training, train, and tell the study."""

from __future__ import annotations

import functools
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from dwcpc.compiler.errors import DwcpcError, InputError, first_line
from dwcpc.models.tuning.pruning import Course, why_hopeless
from dwcpc.models.tuning.space import Artifact, Latency, Params, Space

if TYPE_CHECKING:
    import optuna

Ended = Literal["finished", "pruned", "failed"]

LOAD: Final = "load"
LOSSES: Final = "losses"
LATENCY: Final = "latency"
FACTS: Final = "facts"
REASON: Final = "reason"
SECONDS: Final = "seconds"

KNOWN: Final = "latency of "
"""Before a shape's name: where the study keeps what was measured of it."""

STEPS_OF_RATIO: Final = 0.02
"""Ratios are told to two hundredths: so much do a trained network and an untrained one differ, measured repeatedly."""

# Compiles the artifact, times it through Go against the space's yardstick, and says how they compare.
Timing = Callable[[Artifact, Space], Latency]


@dataclass(frozen=True, slots=True)
class Job:
    """What every trial of a study does. `load` gives the data; equal loaders load once in a process.

    Where `by_shape`, the latency of an untrained network of the same shape is the trained one's.
    """

    space: Space
    load: Callable[[], Any]
    timing: Timing
    by_shape: bool
    seed: int
    prune: bool = True


@dataclass(frozen=True, slots=True)
class Told:
    """How a trial ended; values are there where it finished, else the reason is."""

    number: int
    ended: Ended
    params: Params
    quality: float | None = None
    latency: float | None = None
    reason: str = ""


class HopelessError(Exception):
    """A trial that is behind its rivals."""


def run_trial(study: optuna.Study, job: Job) -> Told:
    """Carry out one more trial of `study`. One that cannot be trained or compiled is marked as failed, with the reason.

    What is no DwcpcError, an interruption or a bug, is raised, and the trial is marked all the same.
    """
    from optuna.trial import TrialState

    trial = study.ask()
    study.sampler = sampler(job.seed, trial.number)
    begun = time.monotonic()
    try:
        quality, latency = _values(trial, job)
    except HopelessError as error:
        return _ended(study, trial, "pruned", TrialState.PRUNED, str(error))
    except DwcpcError as error:
        return _ended(study, trial, "failed", TrialState.FAIL, str(error))
    except BaseException as error:
        reason = "interrupted" if isinstance(error, KeyboardInterrupt) else f"a bug: {first_line_of(error)}"
        _ended(study, trial, "failed", TrialState.FAIL, reason)
        raise
    trial.set_user_attr(SECONDS, round(time.monotonic() - begun, 1))
    study.tell(trial, (quality, latency))
    return Told(trial.number, "finished", trial.params, quality, latency)


def sampler(seed: int, number: int) -> optuna.samplers.BaseSampler:
    """Return the sampler of a trial: seeded by its number too, or processes of one seed would all draw the same."""
    from optuna.samplers import TPESampler

    return TPESampler(seed=(seed * 1_000_003 + number) % 2**32)


def first_line_of(error: BaseException) -> str:
    """Return what an error of any kind says."""
    return f"{type(error).__name__}: {first_line(Exception(str(error)))}"


def _ended(study: optuna.Study, trial: optuna.Trial, ended: Ended, state: optuna.trial.TrialState, why: str) -> Told:
    trial.set_user_attr(REASON, why)
    study.tell(trial, state=state)
    return Told(trial.number, ended, trial.params, reason=why)


def _values(trial: optuna.Trial, job: Job) -> tuple[float, float]:
    params = job.space.suggest(trial)
    data = _loaded(job.load)
    with tempfile.TemporaryDirectory(prefix="dwcpc-trial-") as name:
        folder = Path(name)
        known = _latency_of_shape(trial.study, params, job, folder) if job.by_shape else None
        load = job.space.work(params) if known is None else _told_ratio(known)
        trial.set_user_attr(LOAD, load)
        watch = _Watching(trial, load, prune=job.prune)
        trained = job.space.train(params, data, folder, watch)
        latency = job.timing(trained.artifact, job.space) if known is None else known
    trial.set_user_attr(FACTS, dict(trained.facts))
    trial.set_user_attr(LATENCY, asdict(latency))
    if trained.quality != trained.quality:  # NaN, which Optuna would refuse
        raise InputError(
            f"the validation rows are all alike or of one class, so there is no {job.space.quality}; give more data"
        )
    return trained.quality, _told_ratio(latency)


def _told_ratio(latency: Latency) -> float:
    return round(round(latency.ratio / STEPS_OF_RATIO) * STEPS_OF_RATIO, 6)


@functools.lru_cache(maxsize=1)
def _loaded(load: Callable[[], Any]) -> Any:
    return load()


def _latency_of_shape(study: optuna.Study, params: Params, job: Job, folder: Path) -> Latency | None:
    """Return what the study knows of the shape, or measure it and let the study know."""
    shape = job.space.shape(params)
    if shape is None:
        return None
    known = study.user_attrs.get(KNOWN + shape.name)
    if known is not None:
        return Latency(**known)
    latency = job.timing(shape.write(folder), job.space)
    study.set_user_attr(KNOWN + shape.name, asdict(latency))
    return latency


class _Watching:
    """Keeps each step's loss with the trial, and ends one that is behind its rivals."""

    def __init__(self, trial: optuna.Trial, load: float, *, prune: bool) -> None:
        self._trial, self._load, self._prune = trial, load, prune
        self._losses: list[tuple[int, float]] = []

    def __call__(self, step: int, loss: float) -> None:
        self._losses.append((step, loss))
        self._trial.set_user_attr(LOSSES, self._losses)
        if not self._prune:
            return
        own = Course(self._load, tuple(self._losses))
        why = why_hopeless(own, _courses(self._trial.study.get_trials(deepcopy=False), self._trial.number))
        if why is not None:
            raise HopelessError(why)


def _courses(trials: Iterable[optuna.trial.FrozenTrial], own: int) -> Iterable[Course]:
    """Yield how the other trials went, those that failed left out."""
    from optuna.trial import TrialState

    for trial in trials:
        attrs = trial.user_attrs
        if trial.number != own and trial.state != TrialState.FAIL and LOAD in attrs and LOSSES in attrs:
            yield Course(attrs[LOAD], tuple((step, loss) for step, loss in attrs[LOSSES]))

"""What a study has come to, as plain data: its trials, and those on the front."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from dwcpc.models.tuning.storage import ABOUT, TRAIN
from dwcpc.models.tuning.trial import FACTS, LATENCY, LOSSES, REASON, SECONDS

if TYPE_CHECKING:
    import optuna

OBJECTIVES: Final = ("quality", "latency")

LEAST_FOR_IMPORTANCE: Final = 8
"""Finished trials; what fewer seem to explain is chance."""


@dataclass(frozen=True, slots=True)
class TrialFindings:
    """A trial. `latency` is the share of the yardstick's; what a trial did not come to is absent."""

    number: int
    state: str
    params: Mapping[str, Any]
    quality: float | None
    latency: float | None
    p50_ms: float | None
    latency_bounds: tuple[float, float] | None
    seconds: float | None
    steps: int
    reason: str
    facts: Mapping[str, float]
    command: str = ""


@dataclass(frozen=True, slots=True)
class StudyFindings:
    """A study. No trial has a higher quality than one on the `front` at no higher latency, or the other way round.

    `quality` is what that figure is called.
    `importance` is the share of each objective's variance that a parameter explains; why there is none is told.
    """

    study: str
    quality: str
    about: Mapping[str, Any]
    train: tuple[str, ...]
    trials: tuple[TrialFindings, ...]
    front: tuple[TrialFindings, ...]
    importance: Mapping[str, Mapping[str, float]]
    importance_absent: str = ""

    def ended(self, state: str) -> int:
        """Count the trials in a state: finished, pruned, failed or running."""
        return sum(trial.state == state for trial in self.trials)


STATES = {"COMPLETE": "finished", "PRUNED": "pruned", "FAIL": "failed", "RUNNING": "running", "WAITING": "waiting"}


def findings_of(study: optuna.Study, quality: str) -> StudyFindings:
    """Read the study, whose first objective is called `quality`; the front is ordered by latency."""
    trials = {trial.number: _found(trial) for trial in study.get_trials(deepcopy=False)}
    front = sorted((trials[trial.number] for trial in study.best_trials), key=lambda each: (each.latency, each.number))
    importance, absent = _importance(study)
    about, train = study.user_attrs.get(ABOUT, {}), tuple(study.user_attrs.get(TRAIN, ()))
    ended = tuple(trials.values())
    return StudyFindings(study.study_name, quality, about, train, ended, tuple(front), importance, absent)


def _found(trial: optuna.trial.FrozenTrial) -> TrialFindings:
    attrs = trial.user_attrs
    finished = trial.state.name == "COMPLETE"
    latency = attrs.get(LATENCY)
    return TrialFindings(
        number=trial.number,
        state=STATES[trial.state.name],
        params=trial.params,
        quality=trial.values[0] if finished else None,
        latency=trial.values[1] if finished else None,
        p50_ms=latency["p50_ms"] if latency else None,
        latency_bounds=(latency["low"], latency["high"]) if latency else None,
        seconds=attrs.get(SECONDS),
        steps=len(attrs.get(LOSSES, ())),
        reason=attrs.get(REASON, ""),
        facts=attrs.get(FACTS, {}),
    )


def _importance(study: optuna.Study) -> tuple[dict[str, dict[str, float]], str]:
    """Ask Optuna's fANOVA for each objective; return why there is none, too."""
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances

    finished = sum(trial.state.name == "COMPLETE" for trial in study.get_trials(deepcopy=False))
    if finished < LEAST_FOR_IMPORTANCE:
        return {}, f"{finished} trials finished, and it takes {LEAST_FOR_IMPORTANCE} to tell"
    found = {}
    for at, objective in enumerate(OBJECTIVES):
        try:
            shares = get_param_importances(
                study,
                evaluator=FanovaImportanceEvaluator(seed=0),
                target=lambda trial, at=at: trial.values[at],  # type: ignore[misc]
            )
        except (ValueError, RuntimeError) as error:
            return {}, str(error).strip().splitlines()[0]
        found[objective] = {name: float(share) for name, share in shares.items()}
    return found, ""

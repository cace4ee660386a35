"""What a file computes, without XGBoost."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dwcpc.compiler.artifact import Artifact
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.linear import LinearModel
from dwcpc.compiler.sources.base import Task
from dwcpc.compiler.sources.xgboost.boosted_trees import BoostedTrees, checked_trees, tree_ensemble
from dwcpc.compiler.sources.xgboost.files import read_document
from dwcpc.compiler.sources.xgboost.learner import Learner, checked_learner
from dwcpc.compiler.sources.xgboost.linear import linear_model
from dwcpc.compiler.trees.ensemble import TreeEnsemble


@dataclass(frozen=True, slots=True, eq=False)
class ReadModel:
    """A checked file: what it says, what it computes, and how many of its rounds count (none for gblinear)."""

    learner: Learner
    core: TreeEnsemble | LinearModel
    task: Task
    rounds: int | None
    all_rounds: int | None


def read_model(artifact: Artifact, missing: float | None = None) -> ReadModel:
    """Read a JSON or UBJ file; InputError says what is damaged or not supported. `missing` counts as NaN."""
    document = read_document(artifact)
    learner = checked_learner(document.head, artifact.path)
    core: TreeEnsemble | LinearModel
    if learner.booster == "gblinear":
        core, rounds, all_rounds = linear_model(document, learner, artifact.path), None, None
    else:
        boosted = checked_trees(document, learner, artifact.path)
        rounds, all_rounds = _rounds(boosted, learner, artifact.path), boosted.rounds
        core = tree_ensemble(boosted, learner, rounds, artifact.path)
    task = _task(learner)
    if missing is None and learner.wrapper is not None:
        missing = learner.wrapper.missing
    core = dataclasses.replace(
        core,
        classes=_classes(learner, artifact.path) if task == "classification" else (),
        missing=_missing_value(missing),
    )
    return ReadModel(learner, core, task, rounds, all_rounds)


def _rounds(boosted: BoostedTrees, learner: Learner, path: Path) -> int:
    """The wrapper predicts with the rounds up to the best one, a Booster with all that it has."""
    if learner.wrapper is None or learner.best_iteration is None:
        return boosted.rounds
    rounds = learner.best_iteration + 1
    if not boosted.knows_rounds and learner.best_tree_limit:
        rounds = learner.best_tree_limit  # parallel trees count as rounds where the file does not tell them
    if rounds > boosted.rounds:
        raise InputError(
            f"{path}: best_iteration is {learner.best_iteration} and there are {boosted.rounds} rounds; save the model "
            "again, without the attribute where it was sliced"
        )
    return rounds


def _task(learner: Learner) -> Task:
    """A wrapper says which it is; a Booster is a classifier where the objective's name says so."""
    kind = learner.wrapper.kind if learner.wrapper is not None else ""
    if learner.objective.link == "logistic" and kind in {"classifier", "regressor"}:
        return "classification" if kind == "classifier" else "regression"
    return "classification" if learner.objective.classifies else "regression"


def _classes(learner: Learner, path: Path) -> tuple[int | str, ...]:
    """0 to n − 1; wrappers of XGBoost 1.x could be fitted on other labels, and wrote them down."""
    classes = max(learner.margins, 2)
    stored = learner.wrapper.classes if learner.wrapper is not None else ()
    if stored and len(set(stored)) != classes:
        raise InputError(f"{path}: names {len(stored)} classes for {classes}; save the model again")
    return stored or tuple(range(classes))


def _missing_value(missing: float | None) -> float | None:
    """XGBoost compares it as float32, and takes NaN for missing in any case."""
    return None if missing is None or np.isnan(missing) else float(np.float32(missing))

"""The three kinds of trees that node reliability is served by, fitted, scored and saved.

One thread each: the same figures on every machine, and on a machine with other work a team of threads that wait for
each other takes many times longer.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dwcpc.compiler.errors import InputError
from dwcpc.models.data.labelled import LabelledRows

Kind = Literal["xgboost", "forest", "isolation"]
KINDS: tuple[Kind, ...] = ("xgboost", "forest", "isolation")

# The owners' own: 300 trees of depth 8; 100 trees of 256 rows and three quarters of the features.
XGBOOST: dict[str, Any] = {"n_estimators": 300, "max_depth": 8}
ISOLATION = {"n_estimators": 100, "max_samples": 256, "max_features": 0.75}
# Ours, which they do not state.
XGBOOST_REST: dict[str, Any] = {"learning_rate": 0.1, "subsample": 0.8, "colsample_bytree": 0.8, "tree_method": "hist"}
FOREST = {
    "n_estimators": 300,
    "max_depth": 16,
    "max_samples": 0.25,  # of the rows for each tree, so that 300 trees take a minute
    "min_samples_leaf": 2,
    "class_weight": "balanced_subsample",
}

OWN: dict[Kind, dict[str, Any]] = {"xgboost": XGBOOST | XGBOOST_REST, "forest": FOREST, "isolation": ISOLATION}

FILES: dict[Kind, str] = {"xgboost": "model.ubj", "forest": "model.pkl", "isolation": "model.pkl"}

Matrix = NDArray[np.float32]
Labels = NDArray[np.bool_]
History = dict[str, list[float]]  # a figure for each tree, where the model grows by trees

# Sees how many trees have grown and 1 − PR-AUC of the validation rows; what it raises ends the training.
Watch = Callable[[int, float], None]


def require_libraries() -> None:
    """InputError where a library to train with is absent."""
    for module, package in (("sklearn", "scikit-learn"), ("xgboost", "xgboost")):
        if importlib.util.find_spec(module) is None:
            raise InputError(f"training nodes needs {package}, which is not installed; install dwcpc[sklearn,xgboost]")


def parameters(kind: Kind, trees: int | None, depth: int | None, learning_rate: float | None = None) -> dict[str, Any]:
    """Return the hyperparameters of `kind`, with other trees where they are given."""
    chosen = dict(OWN[kind])
    if trees is not None:
        chosen["n_estimators"] = trees
    if depth is not None and "max_depth" in chosen:
        chosen["max_depth"] = depth
    if learning_rate is not None and "learning_rate" in chosen:
        chosen["learning_rate"] = learning_rate
    return chosen


def fit(
    kind: Kind,
    chosen: dict[str, Any],
    train: tuple[Matrix, Labels],
    validation: tuple[Matrix, Labels],
    seed: int,
    watch: Watch | None = None,
) -> tuple[Any, History]:
    """Fit on scaled training rows; validation rows are only watched. An isolation forest sees no label.

    `watch` sees each tree of XGBoost's; the other kinds do not grow by trees.
    """
    from sklearn.ensemble import IsolationForest, RandomForestClassifier
    from xgboost import XGBClassifier

    x, label = train
    if kind == "xgboost":
        callbacks = None if watch is None else [_watching(watch)]
        metrics = ["logloss", "aucpr"]
        booster = XGBClassifier(**chosen, eval_metric=metrics, callbacks=callbacks, random_state=seed, n_jobs=1)
        watched = [(rows, flags.astype(np.int64)) for rows, flags in (train, validation)]
        booster.fit(x, label.astype(np.int64), eval_set=watched, verbose=False)
        return booster, _history(booster.evals_result())
    if kind == "forest":
        return RandomForestClassifier(**chosen, random_state=seed, n_jobs=1).fit(x, label.astype(np.int64)), {}
    return IsolationForest(**chosen, random_state=seed, n_jobs=1).fit(x), {}


@dataclass(frozen=True, slots=True)
class FittedTrees:
    """Fitted trees behind their scaler. `columns` are those of all features that they read."""

    kind: Kind
    estimator: Any
    scaler: Any
    columns: NDArray[np.int64]
    history: History

    def inputs(self, rows: LabelledRows, chosen: NDArray[np.int64]) -> Matrix:
        """Return the raw features of the `chosen` rows."""
        return rows.x[chosen][:, self.columns]

    def suspicion(self, rows: LabelledRows, chosen: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return a score of each of the `chosen` rows, higher where more suspect."""
        return suspicion(self.kind, self.estimator, self.scaler.transform(self.inputs(rows, chosen)))

    def save(self, folder: Path, names: tuple[str, ...]) -> Path:
        """Write the model as `dwcpc compile` takes it; return its file."""
        return save(self.kind, self.estimator, folder, names)


def suspicion(kind: Kind, estimator: Any, scaled: Matrix) -> NDArray[np.float64]:
    """Return a score for each row, higher where more suspect: a probability, or the negative of `score_samples`."""
    scores = -estimator.score_samples(scaled) if kind == "isolation" else estimator.predict_proba(scaled)[:, 1]
    return np.asarray(scores, np.float64)


def save(kind: Kind, estimator: Any, folder: Path, names: tuple[str, ...]) -> Path:
    """Write the model as `dwcpc compile` takes it: UBJ for XGBoost, a joblib pickle for scikit-learn."""
    import joblib

    path = folder / FILES[kind]
    if kind == "xgboost":
        estimator.get_booster().feature_names = list(names)
        estimator.save_model(path)
    else:
        joblib.dump(estimator, path, compress=3)
    return path


def _watching(watch: Watch) -> Any:
    from xgboost.callback import TrainingCallback

    class Watching(TrainingCallback):  # XGBoost's own class, which is not imported before there is something to fit
        def after_iteration(self, _model: Any, epoch: int, evals_log: Any) -> bool:
            watch(epoch + 1, 1 - evals_log["validation_1"]["aucpr"][-1])
            return False

    return Watching()


def _history(watched: dict[str, dict[str, list[float]]]) -> History:
    parts = {"validation_0": "train", "validation_1": "validation"}
    return {f"{parts[part]}_{name}": values for part, found in watched.items() for name, values in found.items()}

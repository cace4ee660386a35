"""The reference: scikit-learn's own estimator, rebuilt from checked content, asked through its public methods.

Nothing in here computes a prediction. scikit-learn validates that inputs are finite where its model cannot take
others; that is switched off, so that infinities are answered as its arithmetic does.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dwcpc.compiler.min_max import MinMaxScaling
from dwcpc.compiler.scalers import Scaler
from dwcpc.compiler.sources.sklearn.content import (
    BoostingContent,
    ForestContent,
    HistBoostingContent,
    IsolationContent,
    LinearContent,
)
from dwcpc.compiler.sources.sklearn.rebuilt_boosting import hist_leaves, rebuilt_boosting, rebuilt_hist_boosting
from dwcpc.compiler.sources.sklearn.rebuilt_linear import rebuilt_logistic_regression
from dwcpc.compiler.sources.sklearn.rebuilt_trees import fitted, rebuilt_forest, rebuilt_isolation_forest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.compiler.scalers import Scaling
    from dwcpc.compiler.sources.base import Task
    from dwcpc.compiler.sources.sklearn.reading import ReadModel

LeavesOf = Callable[["NDArray[np.float32]"], "NDArray[np.integer]"]

# Rows a call: 8,192 rows × 5,000 trees of int64, the leaves that scikit-learn returns, are 0.3 GB.
_ROWS = 8192


@dataclass(frozen=True, slots=True, eq=False)
class Rebuilt:
    """A fitted scikit-learn estimator, and the Pipeline of the scalers before it where the file has one."""

    task: Task
    estimator: Any
    before: Any
    leaves_of: LeavesOf | None

    def answers(self, x: NDArray[np.float32]) -> dict[str, NDArray[np.float64]]:
        """Return what `predict`, `predict_proba` or `score_samples` say of `x` [rows, features]."""
        parts = [self._answers(rows) for rows in _chunks(x)]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def leaves(self, x: NDArray[np.float32]) -> NDArray[np.int32] | None:
        """Return the node within its tree [rows, trees] in which each row ends; none without trees."""
        if self.leaves_of is None:
            return None
        with _unvalidated():
            return np.concatenate([self.leaves_of(self._scaled(rows)).astype(np.int32) for rows in _chunks(x)])

    def _answers(self, x: NDArray[np.float32]) -> dict[str, NDArray[np.float64]]:
        with _unvalidated():
            scaled = self._scaled(x)
            if self.task == "anomaly_detection":
                return _as_float64(anomaly_score=self.estimator.score_samples(scaled))
            if self.task == "classification":
                label, probability = self.estimator.predict(scaled), self.estimator.predict_proba(scaled)
                return _as_float64(label=label, probability=probability)
            return _as_float64(prediction=self.estimator.predict(scaled).reshape(-1, 1))

    def _scaled(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        return x if self.before is None else np.ascontiguousarray(self.before.transform(x))


def rebuilt(model: ReadModel) -> Rebuilt:
    """Return scikit-learn's own of what was read."""
    from sklearn.pipeline import Pipeline

    estimator, leaves_of = _estimator(model)
    steps = [(f"scaler{number}", _scaler(scaling)) for number, scaling in enumerate(model.scalers)]
    return Rebuilt(model.read.task, estimator, Pipeline(steps) if steps else None, leaves_of)


def _estimator(model: ReadModel) -> tuple[Any, LeavesOf | None]:
    name, classes = model.state.estimator, model.read.core.label_values
    match model.read.content:
        case ForestContent() as content:
            forest = rebuilt_forest(name, content, classes)
            return forest, lambda x: forest.apply(x).reshape(len(x), -1)
        case BoostingContent() as content:
            boosting = rebuilt_boosting(name, content, classes)
            return boosting, lambda x: boosting.apply(x).reshape(len(x), -1)
        case IsolationContent() as content:
            isolation = rebuilt_isolation_forest(content, model.features)
            return isolation, lambda x: _isolation_leaves(isolation, x)
        case HistBoostingContent() as content:
            return rebuilt_hist_boosting(name, content, classes), hist_leaves(content)
        case LinearContent() as content:
            return rebuilt_logistic_regression(content, classes), None


def _isolation_leaves(isolation: Any, x: NDArray[np.float32]) -> NDArray[np.integer]:
    pairs = zip(isolation.estimators_, isolation.estimators_features_, strict=True)
    return np.stack([tree.apply(np.ascontiguousarray(x[:, seen])) for tree, seen in pairs], axis=1)


def _scaler(scaling: Scaling) -> Any:
    from sklearn import preprocessing

    if isinstance(scaling, MinMaxScaling):
        return fitted(
            preprocessing.MinMaxScaler(feature_range=scaling.limits or (0, 1), clip=scaling.limits is not None),
            scale_=np.array(scaling.scale),
            min_=np.array(scaling.offset),
            n_features_in_=scaling.features,
        )
    if not isinstance(scaling, Scaler):
        raise TypeError(f"{scaling.type} is not a scaler that Pipelines are read with")
    return _centered(scaling)


def _centered(scaler: Scaler) -> Any:
    from sklearn import preprocessing

    center, scale = np.array(scaler.center), np.array(scaler.scale)
    is_rounded = all(np.array_equal(values, values.astype(np.float32)) for values in (center, scale))
    if scaler.type == "StandardScaler" and is_rounded:
        return fitted(
            preprocessing.StandardScaler(), mean_=center, scale_=scale, var_=scale**2, n_features_in_=len(center)
        )
    # StandardScaler before 1.8 did not round its constants to float32; RobustScaler, which does the same, never has.
    return fitted(preprocessing.RobustScaler(), center_=center, scale_=scale, n_features_in_=len(center))


def _chunks(x: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    for start in range(0, max(len(x), 1), _ROWS):
        yield np.ascontiguousarray(x[start : start + _ROWS], np.float32)


def _as_float64(**answers: NDArray[Any]) -> dict[str, NDArray[np.float64]]:
    return {name: values.astype(np.float64) for name, values in answers.items()}


@contextlib.contextmanager
def _unvalidated() -> Iterator[None]:
    import sklearn

    with sklearn.config_context(assume_finite=True), np.errstate(all="ignore"):
        yield

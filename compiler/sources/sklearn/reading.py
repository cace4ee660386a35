"""A pickled estimator or Pipeline as checked content, without scikit-learn; nothing in the file is executed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.pickles.safe import PickledObject, pickled_object
from dwcpc.compiler.sources.sklearn.allowed import CLASSES, ESTIMATORS, EXPECTED, SCALERS
from dwcpc.compiler.sources.sklearn.boosting import read_boosting
from dwcpc.compiler.sources.sklearn.content import Read
from dwcpc.compiler.sources.sklearn.forests import read_forest
from dwcpc.compiler.sources.sklearn.hist_boosting import read_hist_boosting
from dwcpc.compiler.sources.sklearn.isolation import read_isolation_forest
from dwcpc.compiler.sources.sklearn.linear import read_logistic_regression
from dwcpc.compiler.sources.sklearn.pipelines import pipeline_steps, read_scaler
from dwcpc.compiler.sources.sklearn.state import State, shown

if TYPE_CHECKING:
    from dwcpc.compiler.artifact import Artifact
    from dwcpc.compiler.scalers import Scaling

_READERS: dict[str, Callable[[State, PickledObject], Read]] = {
    "IsolationForest": lambda state, _: read_isolation_forest(state),
    **dict.fromkeys((name for name in ESTIMATORS if "Tree" in name or "RandomForest" in name), read_forest),
    **dict.fromkeys(("GradientBoostingClassifier", "GradientBoostingRegressor"), lambda state, _: read_boosting(state)),
    **dict.fromkeys(
        ("HistGradientBoostingClassifier", "HistGradientBoostingRegressor"), lambda state, _: read_hist_boosting(state)
    ),
    "LogisticRegression": lambda state, _: read_logistic_regression(state),
}

# Parameters that say what was fitted, as far as they are plain values.
_HYPERPARAMETERS = (
    "loss", "criterion", "splitter", "n_estimators", "max_iter", "learning_rate", "max_depth", "max_leaf_nodes",
    "min_samples_leaf", "max_samples", "max_features", "bootstrap", "subsample", "contamination", "class_weight",
    "l2_regularization", "quantile", "alpha", "penalty", "C", "solver", "multi_class", "random_state",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class ReadModel:
    """What a file holds: the estimator, and the scalers of the Pipeline before it."""

    state: State
    read: Read
    scalers: tuple[Scaling, ...]
    features: int
    feature_names: tuple[str, ...]

    @property
    def hyperparameters(self) -> tuple[tuple[str, str], ...]:
        """The parameters that the estimator was made with, as text."""
        plain = str | int | float | bool | None
        return tuple(
            (name, shown(self.state.values[name]).strip("'"))
            for name in _HYPERPARAMETERS
            if isinstance(self.state.values.get(name, ()), plain)
        )


def read_model(artifact: Artifact) -> ReadModel:
    """Return the estimator in `artifact`; InputError for everything else, unfitted or damaged ones included."""
    pickled = pickled_object(artifact.data, path=artifact.path, classes=CLASSES, expected=EXPECTED)
    if pickled.name == "Pipeline":
        *before, last = pipeline_steps(State.of(pickled, artifact.path))
    else:
        before, last = [], pickled
    path = artifact.path
    if last.name in SCALERS and not before:
        raise InputError(
            f"{path}: is a {last.name}, which is a scaler, expected a model; give it with --scaler beside its model"
        )
    reader = _READERS.get(last.name)
    if reader is None:
        raise InputError(f"{path}: is a {last.name}, expected {EXPECTED}; fit one of them")
    state = State.of(last, path)
    scalers = tuple(read_scaler(scaler, path) for scaler in before)
    read = reader(state, last)
    return ReadModel(state, read, scalers, *_features(state, before, scalers))


def _features(state: State, before: list[PickledObject], scalers: tuple[Scaling, ...]) -> tuple[int, tuple[str, ...]]:
    """Return how many features go in, and their names where the first step or the estimator knows them."""
    features = state.features()
    for scaler in scalers:
        if scaler.features != features:
            raise InputError(
                f"{state.path}: the {scaler.type} of the Pipeline is for {scaler.features} features, expected the "
                f"{features} of the {state.estimator}; fit the Pipeline again"
            )
    names = State.of(before[0], state.path).feature_names() if before else ()
    return features, names or state.feature_names()

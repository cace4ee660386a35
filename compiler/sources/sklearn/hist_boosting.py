"""Histogram gradient boosting: raw = baseline + Σ of leaves, added predictor by predictor, behind the loss's link."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.pickles.safe import PickledObject
from dwcpc.compiler.sources.sklearn.content import HistBoostingContent, Read
from dwcpc.compiler.sources.sklearn.flat_trees import Columns, Gathered, Trees, flat_forest
from dwcpc.compiler.sources.sklearn.state import State
from dwcpc.compiler.trees.ensemble import Link, TreeEnsemble

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.compiler.sources.base import Task

# Names of scikit-learn 1.0 are among them.
_REGRESSION_LINKS: dict[str, Link] = {
    "squared_error": "identity",
    "absolute_error": "identity",
    "quantile": "identity",
    "least_squares": "identity",
    "least_absolute_deviation": "identity",
    "gamma": "exponential",
    "poisson": "exponential",
}
_CLASSIFIER_LOSSES = ("log_loss", "auto", "binary_crossentropy", "categorical_crossentropy")
_FIELDS = {
    "value": "f",
    "feature_idx": "iu",
    "num_threshold": "f",
    "missing_go_to_left": "u",
    "left": "u",
    "right": "u",
    "gain": "f",
    "count": "u",
    "is_leaf": "u",
    "is_categorical": "u",
}


def read_hist_boosting(state: State) -> Read:
    """Return a fitted HistGradientBoostingClassifier or Regressor; InputError says what is wrong."""
    state.require_fitted("_predictors", "_baseline_prediction")
    _refuse_categorical(state)
    classifies = state.estimator.endswith("Classifier")
    classes = state.classes() if classifies else ()
    outputs = len(classes) if len(classes) > 2 else 1
    loss, link = _loss(state, len(classes))
    trees = _read_predictors(_predictors(state, outputs), state)
    baseline = _baseline(state, outputs)
    ensemble = TreeEnsemble(
        forest=trees.forest,
        link=link,
        base=tuple(baseline.tolist()),
        target=np.tile(np.arange(outputs, dtype=np.int32), trees.forest.trees // outputs),
        classes=classes,
    )
    task: Task = "classification" if classifies else "regression"
    return Read(task, ensemble, HistBoostingContent(trees, outputs, loss, baseline), takes_nan=True)


def _loss(state: State, classes: int) -> tuple[str, Link]:
    loss = state.text("loss", "")
    if classes and loss in _CLASSIFIER_LOSSES:
        return loss, "logistic" if classes == 2 else "softmax"
    if not classes and loss in _REGRESSION_LINKS:
        return loss, _REGRESSION_LINKS[loss]
    raise state.error("loss", f"one of {', '.join(_CLASSIFIER_LOSSES if classes else _REGRESSION_LINKS)}")


def _refuse_categorical(state: State) -> None:
    flags = state.values.get("is_categorical_")
    if flags is None:
        return
    if not isinstance(flags, np.ndarray) or flags.shape != (state.features(),) or flags.dtype.kind not in "bu":
        raise state.error("is_categorical_", f"{state.features()} flags")
    if flags.any():
        raise _categorical(state, int(np.flatnonzero(flags)[0]))


def _categorical(state: State, feature: int) -> InputError:
    names = state.feature_names()
    named = f" ({names[feature]})" if feature < len(names) else ""
    return InputError(
        f"{state.path}: feature {feature}{named} of the {state.estimator} is categorical, expected numbers that are "
        "compared with thresholds; encode it before and fit without categorical_features"
    )


def _predictors(state: State, outputs: int) -> list[PickledObject]:
    """Return the predictors of all stages, `outputs` a stage."""
    stages = state.values["_predictors"]
    if not isinstance(stages, list) or not stages:
        raise state.error("_predictors", "a list of stages")
    if not all(isinstance(stage, list) and len(stage) == outputs for stage in stages):
        raise state.error("_predictors", f"stages of {outputs} trees each")
    predictors = [predictor for stage in stages for predictor in stage]
    if not all(isinstance(item, PickledObject) and item.name == "TreePredictor" for item in predictors):
        raise state.error("_predictors", "TreePredictors alone")
    return predictors


def _baseline(state: State, outputs: int) -> NDArray[np.float64]:
    value = state.values["_baseline_prediction"]
    if isinstance(value, float):  # np.float64 among them
        value = np.array(value)
    if (
        not isinstance(value, np.ndarray)
        or value.size not in (1, outputs)
        or value.dtype != np.float64
        or not np.isfinite(value).all()
    ):
        raise state.error("_baseline_prediction", f"{outputs} finite float64")
    return np.resize(value.reshape(-1), outputs)


def _read_predictors(predictors: list[PickledObject], state: State) -> Trees:
    gathered = Gathered(state.path, 1)
    for number, predictor in enumerate(predictors):
        records = predictor.state.get("nodes") if isinstance(predictor.state, dict) else None
        gathered.add(_checked(records, number, state.path), np.empty(0))
    nodes = np.concatenate(gathered.records)
    is_leaf = nodes["is_leaf"] != 0
    categorical = np.flatnonzero((nodes["is_categorical"] != 0) & ~is_leaf)
    if len(categorical):
        raise _categorical(state, int(nodes["feature_idx"][categorical[0]]))
    threshold = nodes["num_threshold"].astype(np.float64)
    columns = Columns(
        sizes=gathered.sizes,
        is_leaf=is_leaf,
        feature=nodes["feature_idx"].astype(np.int64),
        threshold=threshold,
        left=nodes["left"].astype(np.int64),
        right=nodes["right"].astype(np.int64),
        missing_left=nodes["missing_go_to_left"] != 0,
        value=nodes["value"].astype(np.float64)[:, np.newaxis],
    )
    gain = np.where(np.isfinite(nodes["gain"]) & ~is_leaf, nodes["gain"], 0.0)
    forest = flat_forest(columns, state.features(), state.path, gain=gain)
    return Trees(forest, threshold, nodes["count"].astype(np.int64))


def _checked(records: object, number: int, path: Path) -> NDArray[Any]:
    match records:
        case np.ndarray(ndim=1, dtype=dtype) if len(records) and _has_fields(dtype):
            return records
    raise InputError(
        f"{path}: tree {number} has no readable nodes, expected those of scikit-learn 1.0 or newer; fit the model again"
    )


def _has_fields(dtype: np.dtype[Any]) -> bool:
    fields: Mapping[str, Any] = dtype.fields or {}
    return all(name in fields and fields[name][0].kind in kinds for name, kinds in _FIELDS.items())

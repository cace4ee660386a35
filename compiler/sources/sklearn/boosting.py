"""Gradient boosting: raw = raw_0 + Σ over stages of learning_rate · leaf, added tree by tree as `predict_stages` does.

raw_0 is what the initial estimator, a constant, gives behind the loss's link g (`_init_raw_predictions`):

regression        the constant
log_loss, two     g(p) = logit(p), p the prior of the second class kept off 0 and 1 by 2^−52
exponential       g(p) = logit(p) / 2, and so probability = logistic(2 raw)
log_loss, more    g(p)_k = log(p_k / geometric mean of p)
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.pickles.safe import PickledObject
from dwcpc.compiler.sources.sklearn.content import BoostingContent, Read
from dwcpc.compiler.sources.sklearn.state import State
from dwcpc.compiler.sources.sklearn.tree_arrays import read_trees
from dwcpc.compiler.trees.ensemble import Link, TreeEnsemble

# Names up to scikit-learn 1.0 → those since.
_CLASSIFIER_LOSSES = {"log_loss": "log_loss", "deviance": "log_loss", "exponential": "exponential"}
_REGRESSOR_LOSSES = ("squared_error", "absolute_error", "huber", "quantile", "ls", "lad")
_LABEL_FROM_ZERO = float(np.nextafter(0.0, -np.inf))  # the second class where raw >= 0


def read_boosting(state: State) -> Read:
    """Return a fitted GradientBoostingClassifier or Regressor; InputError says what is wrong."""
    state.require_fitted("estimators_", "init_")
    classifies = state.estimator.endswith("Classifier")
    classes = state.classes() if classifies else ()
    outputs = state.count_of_classes() if len(classes) > 2 else 1
    loss = _loss(state, len(classes))
    content = BoostingContent(
        read_trees(_stages(state, outputs), state.features(), 1, state.path),
        outputs,
        state.number("learning_rate"),
        loss,
        _initial(state, len(classes)),
    )
    forest = content.trees.forest
    ensemble = TreeEnsemble(
        forest=dataclasses.replace(forest, value=_scaled(state, content)),
        link=_link(len(classes)),
        base=initial_raw(content, len(classes)),
        target=np.tile(np.arange(outputs, dtype=np.int32), forest.trees // outputs),
        slope=2.0 if loss == "exponential" else 1.0,
        label_above=_LABEL_FROM_ZERO,
        classes=classes,
    )
    return Read("classification" if classifies else "regression", ensemble, content, takes_nan=False)


def initial_raw(content: BoostingContent, classes: int) -> tuple[float, ...]:
    """Return raw_0 in the arithmetic of scikit-learn's links."""
    if content.initial is None:
        return (0.0,) * content.outputs
    if not classes:
        return (float(content.initial[0]),)
    eps = np.finfo(np.float64).eps
    prior = np.clip(content.initial, eps, 1 - eps)
    if classes == 2:
        return ((0.5 if content.loss == "exponential" else 1.0) * _logit(float(prior[1])),)
    mean = np.exp(np.mean(np.log(prior)[np.newaxis], axis=1))
    return tuple(np.log(prior / mean).tolist())


def _logit(p: float) -> float:
    """Return log(p / (1 − p)) as scipy.special.logit does, which takes another form near 1/2."""
    if p < 0.3 or p > 0.65:
        return math.log(p / (1 - p))
    s = 2 * (p - 0.5)
    return math.log1p(s) - math.log1p(-s)


def _link(classes: int) -> Link:
    if not classes:
        return "identity"
    return "logistic" if classes == 2 else "softmax"


def _scaled(state: State, content: BoostingContent) -> NDArray[np.float64]:
    with np.errstate(over="ignore"):
        value = content.learning_rate * content.trees.forest.value
    if not np.isfinite(value).all():
        raise state.error("learning_rate", "a number that keeps every leaf finite")
    return value


def _loss(state: State, classes: int) -> str:
    loss = state.text("loss", "squared_error")
    if not classes and loss in _REGRESSOR_LOSSES:
        return loss
    if classes and loss in _CLASSIFIER_LOSSES and (classes == 2 or loss != "exponential"):
        return _CLASSIFIER_LOSSES[loss]
    expected = ", ".join(_CLASSIFIER_LOSSES if classes else _REGRESSOR_LOSSES)
    raise state.error("loss", f"one of {expected}")


def _stages(state: State, outputs: int) -> list[PickledObject]:
    stages = state.values.get("estimators_")
    if not isinstance(stages, np.ndarray) or stages.ndim != 2 or stages.shape[1] != outputs:
        raise state.error("estimators_", f"an array of {outputs} trees a stage")
    return state.objects("estimators_", ("DecisionTreeRegressor",))


def _initial(state: State, classes: int) -> NDArray[np.float64] | None:
    """Return the prior of the classes or the constant [1] that boosting starts from, None for zero."""
    initial = state.values["init_"]
    if isinstance(initial, str) and initial == "zero":
        return None
    if not isinstance(initial, PickledObject) or initial.name not in ("DummyClassifier", "DummyRegressor"):
        raise InputError(
            f"{state.path}: the {state.estimator} starts from an init estimator of its own, expected the default or "
            "'zero'; fit it without init"
        )
    dummy = State.of(initial, state.path)
    dummy.require_one_output()
    if initial.name == "DummyRegressor" and not classes:
        constant = dummy.array("constant_", 2)
        if constant.size != 1:
            raise dummy.error("constant_", "one number")
        return constant.reshape(1)
    if initial.name != "DummyClassifier" or not classes or dummy.text("strategy", "prior") != "prior":
        raise dummy.error("strategy", "'prior' for a classifier")
    prior = dummy.array("class_prior_", 1)
    if len(prior) != classes or prior.min() < 0 or prior.max() > 1:
        raise dummy.error("class_prior_", f"{classes} numbers from 0 to 1")
    return prior

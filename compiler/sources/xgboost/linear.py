"""gblinear's weights: m_k = (b + w_{n,k}) + Σ_j x_j · w_{j,k} in float32, feature after feature; missing ones add 0."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.linear import LinearModel
from dwcpc.compiler.sources.xgboost.document import DAMAGED, Document
from dwcpc.compiler.sources.xgboost.learner import Learner, converted
from dwcpc.compiler.sources.xgboost.objectives import LABEL_ABOVE, base_margin

_MOST_ROUNDS = 1 << 31  # XGBoost keeps their number in 32 bits


class _Weights(msgspec.Struct):
    weights: list[float]
    boosted_rounds: int = 0


class _GBLinear(msgspec.Struct):
    model: _Weights


def linear_model(document: Document, learner: Learner, path: Path) -> LinearModel:
    """Return what the weights compute, without classes; InputError where they do not fit the features and margins."""
    stored = converted(document.head["learner"]["gradient_booster"], _GBLinear, path).model
    if stored.boosted_rounds not in range(1, _MOST_ROUNDS):
        # Without them XGBoost 3.2 takes the model for untrained, and base_score for a margin.
        raise InputError(
            f"{path}: gblinear without boosted_rounds, which XGBoost saves since 1.4 and needs; fit it again with "
            'a newer xgboost and save it with model.save_model("model.ubj")'
        )
    with np.errstate(over="ignore"):
        weights = np.asarray(stored.weights, np.float64).astype(np.float32)
    expected = (learner.features + 1) * learner.margins
    if len(weights) != expected or not np.isfinite(weights).all():
        raise InputError(
            f"{path}: {len(weights)} weights, or some not finite, expected {expected} for {learner.features} features "
            f"and {learner.margins} margins; {DAMAGED}"
        )
    by_feature = weights.reshape(learner.features + 1, learner.margins)
    # XGBoost 3.2 adds the first margin's base to all: it never reads the others (gblinear.cc, `base_score(0)`).
    base = np.float32(base_margin(learner.objective, learner.base_scores[0]))
    return LinearModel(
        weights=by_feature[:-1].astype(np.float64),
        intercept=(by_feature[-1] + base).astype(np.float64),
        link=learner.objective.link,
        adds_in="float32",
        label_above=LABEL_ABOVE,
        missing_as_zero=True,
    )


def predicted_with_infinities(model: LinearModel, x: NDArray[np.float32], *, as_margin: bool) -> NDArray[np.float32]:
    """Return XGBoost's arithmetic [rows, margins] on rows of `x` with infinities, which it refuses to be asked about.

    An infinity outweighs all that is finite, so the order of addition does not matter.
    """
    absent = np.isnan(x) | (False if model.missing is None else x == np.float32(model.missing))
    with np.errstate(invalid="ignore", over="ignore"):
        terms = np.where(absent, 0.0, x)[:, :, None] * model.weights
        margin = terms.sum(axis=1) + model.intercept
        predicted = margin if as_margin else _linked(model, margin)
    return np.asarray(predicted, np.float32)


def _linked(model: LinearModel, margin: NDArray[np.float64]) -> NDArray[np.float64]:
    match model.link:
        case "logistic":
            return np.asarray(1 / (1 + np.exp(-margin)))
        case "softmax":
            share = np.exp(margin - margin.max(axis=1, keepdims=True))
            return np.asarray(share / share.sum(axis=1, keepdims=True))
        case "exponential":
            return np.exp(margin)
    return margin

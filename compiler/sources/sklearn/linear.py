"""Logistic regression: m = x · coefficients + intercept, then logistic, softmax, or one logistic a class, normalised.

Which of them is decided as the scikit-learn that wrote the file did: up to 1.7 by `multi_class` and the solver, since
then by the number of classes. Two classes fitted as "multinomial" have softmax(−m, m), which is logistic(2 m).
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.linear import LinearModel
from dwcpc.compiler.sources.sklearn.content import LinearContent, Read
from dwcpc.compiler.sources.sklearn.state import State

Link = Literal["logistic", "softmax", "one_vs_rest"]

ONE_VS_REST_NOTE = "fitted one class against the rest, as multi_class said; each probability is normalised by their sum"
TWICE_NOTE = "two classes fitted as multinomial: the coefficients were doubled, for softmax(−m, m) is logistic(2 m)"
FLOAT32_NOTE = "its coefficients are float32; the reference computes with them in float64"


def read_logistic_regression(state: State) -> Read:
    """Return a fitted LogisticRegression; InputError says what is wrong."""
    state.require_fitted("coef_", "intercept_", "classes_")
    classes = state.classes()
    rows = 1 if len(classes) == 2 else len(classes)
    coefficients, intercept = state.array("coef_", 2), state.array("intercept_", 1)
    if coefficients.shape != (rows, state.features()):
        raise state.error("coef_", f"an array of shape {(rows, state.features())}")
    if intercept.size == 1:
        intercept = np.resize(intercept, rows)
    if intercept.shape != (rows,):
        raise state.error("intercept_", f"{rows} numbers")
    notes = []
    if np.asarray(state.values["coef_"]).dtype != np.float64:
        notes.append(FLOAT32_NOTE)
    way = _multi_class(state, len(classes))
    link: Link = "logistic" if len(classes) == 2 else ("one_vs_rest" if way == "ovr" else "softmax")
    if link == "one_vs_rest":
        notes.append(ONE_VS_REST_NOTE)
    if link == "logistic" and way == "multinomial":
        with np.errstate(over="ignore"):
            coefficients, intercept = 2.0 * coefficients, 2.0 * intercept
        notes.append(TWICE_NOTE)
        if not (np.isfinite(coefficients).all() and np.isfinite(intercept).all()):
            raise state.error("coef_", "numbers within half the range of float64")
    core = LinearModel(np.ascontiguousarray(coefficients.T), intercept, link, classes)
    content = LinearContent(coefficients, intercept, link)
    return Read("classification", core, content, takes_nan=False, notes=tuple(notes))


def _multi_class(state: State, classes: int) -> Literal["ovr", "multinomial"]:
    """Return how the probabilities of the classes are made, as `predict_proba` decides."""
    if "multi_class" not in state.values:  # since scikit-learn 1.8
        return "ovr" if classes == 2 else "multinomial"
    way = state.text("multi_class", "auto")
    if way in ("ovr", "warn"):
        return "ovr"
    if way in ("auto", "deprecated"):
        return "ovr" if classes == 2 or state.text("solver", "lbfgs") == "liblinear" else "multinomial"
    if way == "multinomial":
        return "multinomial"
    raise InputError(
        f"{state.path}: multi_class of the LogisticRegression is unknown, expected auto, ovr or multinomial; "
        "fit it again"
    )

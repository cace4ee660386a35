"""How far a compiled estimator may be from its source.

The graph adds what the source adds, in its order and precision, and rounds each output to float32 once. With u = 2⁻²³
the unit of float32 and r the reference:

    prediction, anomaly_score   8u·|r|                  one rounding is u/2; float32 exp and logistic functions lose up
                                                        to three units
    with a target scaler        8u·(|r| + |r − center|) r may be small after the center is added
    decision_value              8u·|r| + 2⁻⁵⁰           a difference of float64 numbers up to 1, each rounded
    probability                 8u·|r|, and of the first of two classes, which is 1 − p, as much as that may be off:
                                4 · 2⁻²⁴ where p is float32, else trees · 2⁻⁵²
    behind linear margins       in addition what their error does: 4E·|r| of probabilities, E of a prediction (2E·|r|
                                where a link follows), with E = (features + 2) · 2⁻⁵² · (Σ |w x| + |intercept|) for
                                float64 sums in another order, and 0 for float32 sums, whose order is kept

Below the smallest normal float32 (2⁻¹²⁶) nothing is promised. Labels and flags are exact: their tolerance is 0, but
infinite in rows that the source itself decides by the rounding of its sums: forests of three and more trees whose two
largest average probabilities are within trees · 2⁻⁵² of each other (scikit-learn's threads add them in any order) and
linear classifiers whose margins are within E of the boundary. With a threshold T on the second's probability p it is
|p − T| within trees · 2⁻⁵² of such forests, and within one rounding of the exponential function, which is the machine's
own, behind a logistic function: 2 units of float32 or 8 of float64, times T.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dwcpc.compiler.signature import DECISION_VALUE, LABEL, PREDICTION, PROBABILITY
from dwcpc.compiler.trees.ensemble import TreeEnsemble
from dwcpc.parity.tolerance import FLOAT32_ULP

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.compiler.linear import LinearModel
    from dwcpc.compiler.metadata import Decision
    from dwcpc.parity.runners.estimator_source import EstimatorSource

RELATIVE = 8 * FLOAT32_ULP
SMALLEST_NORMAL = 2.0**-126
FLOAT64_ULP = 2.0**-52
SCORE_ROUNDING = 4 * FLOAT64_ULP
FLOAT32_COMPLEMENT = 4 * 2.0**-24
EXACT_FRACTION_BITS = 40  # votes of whole trees and simple fractions are multiples of 2⁻⁴⁰
FEWEST_IN_ANY_ORDER = 3  # a + b = b + a


def tolerances(
    source: EstimatorSource, rows: NDArray[np.float32], outputs: dict[str, NDArray[Any]]
) -> dict[str, NDArray[np.float64]]:
    """Return the tolerance of each of the `outputs` on `rows`, in its shape."""
    core = source.core
    allowed = {name: _of_rounding(reference) for name, reference in outputs.items()}
    if DECISION_VALUE in allowed:
        allowed[DECISION_VALUE] += SCORE_ROUNDING
    if PREDICTION in allowed and source.target_scaler is not None:
        allowed[PREDICTION] += RELATIVE * np.abs(outputs[PREDICTION] - np.array(source.target_scaler.center))
    if PROBABILITY in allowed and outputs[PROBABILITY].shape[1] == 2:
        allowed[PROBABILITY][:, 0] += _complement(core)
    if source.decision is not None and LABEL in allowed:
        near = np.abs(source.decision.threshold - outputs[PROBABILITY][:, -1]) <= _at_threshold(core, source.decision)
        allowed[LABEL][near] = np.inf
    if isinstance(core, TreeEnsemble):
        if LABEL in allowed and source.decision is None:
            allowed[LABEL][average_undecided(core, outputs[PROBABILITY])] = np.inf
        return allowed
    margins, error = linear_margins(core, _added_up(source, rows))
    if LABEL in allowed:
        allowed[LABEL][margins_undecided(margins - core.label_above, error)] = np.inf
        allowed[PROBABILITY] += 4 * error.max(axis=1, keepdims=True) * outputs[PROBABILITY]
    if PREDICTION in allowed:
        allowed[PREDICTION] += _of_margin(source, outputs[PREDICTION], error)
    return allowed


def average_undecided(core: TreeEnsemble, probability: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return the rows [rows] whose label depends on the order in which the trees' `probability` is added up."""
    order = _order_of_trees(core)
    return np.asarray(_lead(probability) <= order) if order else np.zeros(len(probability), bool)


def _order_of_trees(core: TreeEnsemble) -> float:
    """Return how much an average probability depends on the order of its trees; 0 where nothing is rounded."""
    trees = core.forest.trees
    if core.link != "average" or trees < FEWEST_IN_ANY_ORDER or adds_exactly(core.forest.value, trees):
        return 0.0
    return trees * FLOAT64_ULP


def adds_exactly(values: NDArray[np.float64], count: int) -> bool:
    """Say whether sums of `count` of these numbers are exact in float64, in whatever order."""
    fractions = values * 2.0**EXACT_FRACTION_BITS
    is_whole = (fractions == np.floor(fractions)).all()
    return bool(is_whole and np.abs(fractions).max() * count <= 1 / FLOAT64_ULP)


def _at_threshold(core: TreeEnsemble | LinearModel, decision: Decision) -> float:
    """Return how near to the threshold a probability may be and its side still be a matter of rounding."""
    if isinstance(core, TreeEnsemble) and core.link == "average":
        return _order_of_trees(core)
    unit = 2 * FLOAT32_ULP if core.adds_in == "float32" else 8 * FLOAT64_ULP
    return unit * decision.threshold


def linear_margins(core: LinearModel, x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the margins [rows, margins] of `x` [rows, features], and E: how far off another order may be."""
    margins = x @ core.weights + core.intercept
    if core.adds_in == "float32":  # in the order of the features
        return margins, np.zeros(margins.shape)
    magnitude = np.abs(x) @ np.abs(core.weights) + np.abs(core.intercept)
    return margins, (len(core.weights) + 2) * FLOAT64_ULP * magnitude


def margins_undecided(margins: NDArray[np.float64], error: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return the rows [rows] whose label depends on the rounding of their margins; a single one decides at 0."""
    if not error.any():
        return np.zeros(len(margins), bool)
    if margins.shape[1] == 1:
        return np.asarray(np.abs(margins[:, 0]) <= error[:, 0])
    return np.asarray(_lead(margins) <= 2 * error.max(axis=1))


def _of_rounding(reference: NDArray[Any]) -> NDArray[np.float64]:
    if reference.dtype == np.int64:
        return np.zeros(reference.shape)
    allowed: NDArray[np.float64] = RELATIVE * np.abs(reference) + SMALLEST_NORMAL
    return allowed


def _of_margin(
    source: EstimatorSource, prediction: NDArray[np.float64], error: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return how far `prediction` may be off for the error of its margin: relative to it where a link follows."""
    scaler = source.target_scaler
    scale = 1.0 if scaler is None else np.array(scaler.scale)
    center = 0.0 if scaler is None else np.array(scaler.center)
    of_margin: NDArray[np.float64]
    of_margin = error * scale if source.estimator.core.link == "identity" else 2 * error * np.abs(prediction - center)
    return of_margin


def _added_up(source: EstimatorSource, rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the values [rows, features] that are multiplied by weights; missing ones add nothing."""
    return np.where(source.is_missing(rows) | np.isnan(rows), 0.0, source.scaled(rows).astype(np.float64))


def _complement(core: TreeEnsemble | LinearModel) -> float:
    """Return how far 1 − p may be off, p being the source's."""
    if core.adds_in == "float32":
        return FLOAT32_COMPLEMENT
    return FLOAT64_ULP * (core.forest.trees if isinstance(core, TreeEnsemble) else 1)


def _lead(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return by how much the largest of each row [rows] is larger than the next."""
    largest = np.partition(values, -2, axis=1)[:, -2:]
    lead: NDArray[np.float64] = largest[:, 1] - largest[:, 0]
    return lead

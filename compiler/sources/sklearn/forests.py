"""Random forests, extra trees and single decision trees: the average of what their leaves say.

Since scikit-learn 1.4 a classifier's leaf holds the share of each class (its pull request 27639). Before, it held
weighted counts, and `predict_proba` divided them by their sum, with 1 in place of a sum of 0; so it is done here.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.pickles.safe import PickledObject
from dwcpc.compiler.sources.base import Task
from dwcpc.compiler.sources.sklearn.content import ForestContent, Read
from dwcpc.compiler.sources.sklearn.flat_trees import Trees
from dwcpc.compiler.sources.sklearn.state import State
from dwcpc.compiler.sources.sklearn.tree_arrays import read_trees
from dwcpc.compiler.trees.ensemble import TreeEnsemble

_MEMBERS = {
    "RandomForestClassifier": "DecisionTreeClassifier",
    "RandomForestRegressor": "DecisionTreeRegressor",
    "ExtraTreesClassifier": "ExtraTreeClassifier",
    "ExtraTreesRegressor": "ExtraTreeRegressor",
}
# Shares are sums of weights divided by their sum: far more exact than this.
_SHARES_TOLERANCE = 1e-6
_FIRST_WITH_SHARES = (1, 4)
COUNTS_NOTE = "its leaves hold counts, as before scikit-learn 1.4; they were divided as its predict_proba did"


def read_forest(state: State, pickled: PickledObject) -> Read:
    """Return a fitted forest or decision tree; InputError says what is wrong."""
    state.require_one_output()
    is_forest = state.estimator in _MEMBERS
    state.require_fitted("estimators_" if is_forest else "tree_")
    estimators = state.objects("estimators_", (_MEMBERS[state.estimator],)) if is_forest else [pickled]
    classifies = state.estimator.endswith("Classifier")
    count = state.count_of_classes() if classifies else 0
    trees = read_trees(estimators, state.features(), max(count, 1), state.path)
    notes: tuple[str, ...] = ()
    if classifies:
        trees, normalised = _with_shares(trees, state)
        notes = (COUNTS_NOTE,) if normalised else ()
    ensemble = TreeEnsemble(
        forest=trees.forest,
        link="average" if classifies else "identity",
        base=(0.0,) * max(count, 1),
        target=np.zeros(len(estimators), np.int32),
        divisor=float(len(estimators)),
        label_above=0.5,
        classes=state.classes() if classifies else (),
    )
    # A single extra tree that looks for the best split refuses NaN; in a forest, it never does look for it.
    takes_nan = trees.takes_missing and not (
        state.estimator.startswith("ExtraTree") and not is_forest and state.text("splitter", "random") != "random"
    )
    task: Task = "classification" if classifies else "regression"
    return Read(task, ensemble, ForestContent(trees, count), takes_nan, notes)


def _with_shares(trees: Trees, state: State) -> tuple[Trees, bool]:
    """Return trees whose leaves hold shares, and whether they had to be made from counts."""
    forest = trees.forest
    if (forest.value < 0).any():
        raise InputError(
            f"{state.path}: the {state.estimator} has a leaf with a negative share of a class, expected 0 to 1; "
            "fit it without negative weights"
        )
    sums = forest.value.sum(axis=1)[~forest.is_split]
    adds_up = bool(np.all(np.abs(sums - 1.0) <= _SHARES_TOLERANCE))
    written_by = state.release() or ((0, 0) if not trees.takes_missing else None)
    if written_by is not None and (
        written_by < _FIRST_WITH_SHARES or (written_by == _FIRST_WITH_SHARES and not adds_up)
    ):
        return dataclasses.replace(trees, forest=dataclasses.replace(forest, value=_normalised(forest.value))), True
    if adds_up:
        return trees, False
    raise InputError(
        f"{state.path}: the {state.estimator} has leaves whose shares of the classes do not add up to 1, expected 1; "
        "it was loaded and saved again by a newer scikit-learn than it was fitted with, fit it again"
    )


def _normalised(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    sums = counts.sum(axis=1)[:, np.newaxis]
    sums[sums == 0.0] = 1.0
    return np.asarray(counts / sums)

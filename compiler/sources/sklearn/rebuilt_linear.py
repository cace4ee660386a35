"""scikit-learn's own logistic regression, made from checked coefficients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dwcpc.compiler.sources.sklearn.rebuilt_trees import fitted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.compiler.sources.sklearn.content import LinearContent


@dataclass(frozen=True, slots=True)
class OneVsRest:
    """What LogisticRegression(multi_class="ovr") was: labels by the largest margin, probabilities class by class."""

    labels: Any
    probabilities: Any

    def predict(self, x: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return the class with the largest margin [rows]."""
        return np.asarray(self.labels.predict(x))

    def predict_proba(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the normalised probabilities [rows, classes]."""
        return np.asarray(self.probabilities.predict_proba(x))


def rebuilt_logistic_regression(content: LinearContent, classes: tuple[int, ...]) -> Any:
    """Return the fitted LogisticRegression, or for one class against the rest what takes its place today."""
    whole = _logistic(content.coefficients, content.intercept, classes)
    if content.link != "one_vs_rest":
        return whole
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.preprocessing import LabelBinarizer

    members = [
        _logistic(row[np.newaxis], np.array([constant]), (0, 1))
        for row, constant in zip(content.coefficients, content.intercept, strict=True)
    ]
    binarizer = LabelBinarizer(sparse_output=True).fit(list(classes))
    features = content.coefficients.shape[1]
    rest = fitted(
        OneVsRestClassifier(_logistic(content.coefficients, content.intercept, classes)),
        estimators_=members,
        label_binarizer_=binarizer,
        n_features_in_=features,
    )
    return OneVsRest(whole, rest)


def _logistic(coefficients: NDArray[np.float64], intercept: NDArray[np.float64], classes: tuple[int, ...]) -> Any:
    from sklearn.linear_model import LogisticRegression

    return fitted(
        LogisticRegression(),
        coef_=coefficients,
        intercept_=intercept,
        classes_=np.array(classes, np.int64),
        n_features_in_=coefficients.shape[1],
        n_iter_=np.zeros(1, np.int32),
    )

"""What a linear model computes: m = intercept + x · weights, feature by feature, and what becomes of the margins m."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from dwcpc.compiler.trees.ensemble import label_values

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dwcpc.compiler.sources.base import Precision


@dataclass(frozen=True, slots=True, eq=False)
class LinearModel:
    """`weights` [features, margins] and `intercept` [margins]: one for two classes or a regression, else one a class.

    "logistic": p = 1 / (1 + exp(−m)) of the second of two classes, which is the label when m > `label_above`, or a
    regression's prediction. "softmax": the label has the largest probability. "one_vs_rest": p_k = logistic(m_k) /
    Σ logistic(m); the label has the largest m. "identity" and "exponential": prediction = m and exp(m).

    `adds_in` "float32" rounds each product and each sum, in the order of the features, and `intercept` and `weights`
    are float32 numbers. `missing_as_zero`: a feature that is NaN or equals `missing` adds nothing; otherwise NaN
    propagates. `classes` is empty for regression.
    """

    weights: NDArray[np.float64]
    intercept: NDArray[np.float64]
    link: Literal["logistic", "softmax", "one_vs_rest", "identity", "exponential"]
    classes: tuple[int | str, ...] = ()
    adds_in: Precision = "float64"
    label_above: float = 0.0
    missing_as_zero: bool = False
    missing: float | None = None

    @property
    def label_values(self) -> tuple[int, ...]:
        """What the output `label` says for each class."""
        return label_values(self.classes)

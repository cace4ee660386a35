"""What a tree ensemble computes, in one form for all frameworks.

s_k = base_k + Σ over the trees t with target k of leaf value_t(x)     added tree by tree, in `adds_in`
m   = s / divisor

identity     prediction = m
exponential  prediction = exp(m)
average      probability = m, leaves hold a probability for each class
logistic     p = 1 / (1 + exp(−slope · m)): of the second of two classes, or a regression's prediction
softmax      probability = exp(m_k) / Σ exp(m)
isolation    anomaly_score = −2^(−m), lower is more anomalous, as in scikit-learn (Liu, Ting, Zhou 2008)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dwcpc.compiler.sources.base import Precision
    from dwcpc.compiler.trees.forest import Forest

LARGEST_LABEL = 1 << 53

Link = Literal["identity", "exponential", "average", "logistic", "softmax", "isolation"]


@dataclass(frozen=True, slots=True, eq=False)
class TreeEnsemble:
    """Trees and what becomes of their leaves.

    `target` [trees] says to which sum a tree adds; where leaves hold a value for each class it is all zeros and unused,
    and `base` has a zero for each class.
    `label_above`: with two classes, the label is the second when m (for averages: the second class's) > `label_above`;
    with more it is the first of those with the largest m (softmax: the largest probability). `classes` is empty for
    regression and isolation. `missing` is a value, besides NaN, that counts as NaN at the splits. `offset` is the
    threshold that an isolation forest was fitted with: anomalies have scores below it.
    """

    forest: Forest
    link: Link
    base: tuple[float, ...]
    target: NDArray[np.int32]
    adds_in: Precision = "float64"
    divisor: float = 1.0
    slope: float = 1.0
    label_above: float = 0.0
    classes: tuple[int | str, ...] = ()
    missing: float | None = None
    offset: float | None = None

    @property
    def label_values(self) -> tuple[int, ...]:
        """What the output `label` says for each class: the class itself where all are integers, else its index."""
        return label_values(self.classes)


def label_values(classes: tuple[int | str, ...]) -> tuple[int, ...]:
    """Return the int64 by which the output `label` names each class: itself where all are integers, else its index.

    Integers beyond those that float64 holds, in which golden vectors are written, are named by index as well.
    """
    whole = [value for value in classes if isinstance(value, int) and abs(value) <= LARGEST_LABEL]
    return tuple(whole) if len(whole) == len(classes) else tuple(range(len(classes)))

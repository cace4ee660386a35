"""What reading an estimator gives: its core, and the checked content from which scikit-learn's own is rebuilt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dwcpc.compiler.linear import LinearModel
    from dwcpc.compiler.sources.base import Task
    from dwcpc.compiler.sources.sklearn.flat_trees import Trees
    from dwcpc.compiler.trees.ensemble import TreeEnsemble


@dataclass(frozen=True, slots=True, eq=False)
class ForestContent:
    """A decision tree or an average of them; `classes` is 0 for regression."""

    trees: Trees
    classes: int


@dataclass(frozen=True, slots=True, eq=False)
class IsolationContent:
    """An isolation forest. `columns` says which features each tree sees, in its own order; None for all.

    `depth` and `average` [nodes] are the two summands of a leaf's path length.
    """

    trees: Trees
    columns: tuple[NDArray[np.int64], ...] | None
    depth: NDArray[np.int64]
    average: NDArray[np.float64]
    max_samples: int
    offset: float


@dataclass(frozen=True, slots=True, eq=False)
class BoostingContent:
    """Gradient boosting: `outputs` trees a stage; `initial` is the classes' prior or a constant [1], None for zero."""

    trees: Trees
    outputs: int
    learning_rate: float
    loss: str
    initial: NDArray[np.float64] | None


@dataclass(frozen=True, slots=True, eq=False)
class HistBoostingContent:
    """Histogram gradient boosting: `outputs` trees a stage behind `baseline` [outputs]."""

    trees: Trees
    outputs: int
    loss: str
    baseline: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class LinearContent:
    """A logistic regression: `coefficients` [margins, features] and `intercept` [margins]."""

    coefficients: NDArray[np.float64]
    intercept: NDArray[np.float64]
    link: Literal["logistic", "softmax", "one_vs_rest"]


Content = ForestContent | IsolationContent | BoostingContent | HistBoostingContent | LinearContent


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """One estimator as it was read. `takes_nan` says whether scikit-learn answers rows with NaN."""

    task: Task
    core: TreeEnsemble | LinearModel
    content: Content
    takes_nan: bool
    notes: tuple[str, ...] = ()

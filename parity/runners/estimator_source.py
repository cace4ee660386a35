"""An estimator as a reference: its framework's own code behind the scalers, without the compiled graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dwcpc.compiler.class_threshold import decided
from dwcpc.compiler.signature import DECISION_VALUE, LABEL, PREDICTION, SCORE_OUTPUT
from dwcpc.compiler.trees.ensemble import TreeEnsemble
from dwcpc.parity.checks.decisions import COMPARISONS, judged_score

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.compiler.linear import LinearModel
    from dwcpc.compiler.metadata import Decision
    from dwcpc.compiler.scalers import Scaler, Scaling
    from dwcpc.compiler.sources.base import Estimator, Precision
    from dwcpc.compiler.trees.forest import Forest

ROWS_AT_ONCE = 1 << 14  # what the frameworks copy for each tree stays small,
LEAVES_AT_ONCE = 1 << 24  # and so do the leaves, of which they return up to 8 bytes each


@dataclass(frozen=True, slots=True)
class EstimatorSource:
    """An estimator and what stands around it. Rows are float32 [rows, features] in the bundle's units.

    `scaler` is none where the caller scales. `decision` is an anomaly detector's, or a classifier's with a threshold.
    """

    estimator: Estimator
    scaler: Scaler | None
    target_scaler: Scaler | None
    decision: Decision | None

    @property
    def scalers(self) -> tuple[Scaling, ...]:
        """All scalers between a row and the trees or weights, in their order."""
        return self.estimator.scalers if self.scaler is None else (self.scaler, *self.estimator.scalers)

    @property
    def core(self) -> TreeEnsemble | LinearModel:
        """What is compiled: the estimator's core, with the label that the decision asks for."""
        return decided(self.estimator.core, self.decision)

    @property
    def scored(self) -> bool:
        """Whether a score with a threshold decides; of a classifier it is the label, which jumps with the trees."""
        return self.decision is not None and self.decision.score == SCORE_OUTPUT

    @property
    def forest(self) -> Forest | None:
        """The estimator's trees; none where it is linear."""
        core = self.estimator.core
        return core.forest if isinstance(core, TreeEnsemble) else None

    @property
    def missing(self) -> float | None:
        """The value, behind all scalers, that counts as NaN besides NaN itself; none where there is no such value."""
        return self.estimator.core.missing

    @property
    def answers_non_finite(self) -> bool:
        """Whether the estimator has an answer of its own to rows with NaN and infinities."""
        return self.estimator.spec.non_finite == "answered"

    def run(self, rows: NDArray[np.float32], _precision: Precision = "float64") -> dict[str, NDArray[Any]]:
        """Return every output of the bundle as the framework computes it, in the only precision that it has."""
        outputs: dict[str, NDArray[Any]] = self._answers(rows)
        if LABEL in outputs:
            outputs[LABEL] = outputs[LABEL].astype(np.int64)
        if PREDICTION in outputs and self.target_scaler is not None:
            scale, center = np.array(self.target_scaler.scale), np.array(self.target_scaler.center)
            outputs[PREDICTION] = outputs[PREDICTION] * scale + center
        if self.decision is not None and self.decision.flag is not None:
            score = judged_score(self.decision, outputs)
            if SCORE_OUTPUT in outputs:
                outputs[DECISION_VALUE] = score - self.decision.threshold
            holds = COMPARISONS[self.decision.comparison](score, self.decision.threshold)
            outputs[self.decision.flag] = holds.astype(np.int64)
        return outputs

    def score(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return what the decision judges [rows]: an anomaly score, or the probability of the second class."""
        assert self.decision is not None  # noqa: S101 - without one there is nothing to judge
        return judged_score(self.decision, self.run(rows))

    def labels(self, rows: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return the label [rows] of a classifier."""
        labels: NDArray[np.int64] = self.run(rows)[LABEL]
        return labels

    def leaves(self, rows: NDArray[np.float32]) -> NDArray[np.integer] | None:
        """Return the node [rows, trees] within its tree in which each row ends, in the smallest type that holds them.

        None where there are no trees.
        """
        forest = self.forest
        if forest is None:
            return None
        sizes = np.diff(np.append(forest.roots, len(forest.feature)))
        leaves = np.empty((len(rows), forest.trees), np.min_scalar_type(int(sizes.max())))
        step = max(1, min(ROWS_AT_ONCE, LEAVES_AT_ONCE // forest.trees))
        for at in range(0, len(rows), step):
            reached = self.estimator.leaves(self.behind_scaler(rows[at : at + step]))
            if reached is None:
                return None
            leaves[at : at + step] = reached
        return leaves

    def is_asked(self, rows: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Return which rows [rows] the estimator answers: all, or those that are finite behind all scalers."""
        if self.answers_non_finite:
            return np.ones(len(rows), bool)
        return np.asarray(np.isfinite(rows).all(axis=1) & np.isfinite(self.scaled(rows)).all(axis=1))

    def is_missing(self, rows: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Return the values [rows, features], other than NaN, that the estimator takes for missing."""
        if self.missing is None:
            return np.zeros(rows.shape, bool)
        return np.asarray(self.scaled(rows) == np.float32(self.missing))

    def scaled(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the rows behind all scalers."""
        for scaler in self.scalers:
            rows = scaler.transform(rows)
        return rows

    def behind_scaler(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the rows as the estimator takes them, in front of its own scalers."""
        return rows if self.scaler is None else self.scaler.transform(rows)

    def _answers(self, rows: NDArray[np.float32]) -> dict[str, NDArray[np.float64]]:
        parts = [
            self.estimator.answers(self.behind_scaler(rows[at : at + ROWS_AT_ONCE]))
            for at in range(0, len(rows), ROWS_AT_ONCE)
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

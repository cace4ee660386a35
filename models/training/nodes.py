"""The recipe for node reliability: scale, choose features, fit, and choose a threshold on the validation rows."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.features.spec import FeatureSpec
from dwcpc.models.data.labelled import LabelledRows
from dwcpc.models.data.series_split import Split
from dwcpc.models.evaluation.grouped_classification import Evaluation, evaluate
from dwcpc.models.training.feature_choice import BEST, best_features, narrowed
from dwcpc.models.training.node_estimators import History, Kind, Watch, fit, parameters, suspicion
from dwcpc.models.training.threshold import threshold_at_false_positive_rate

if TYPE_CHECKING:
    from collections.abc import Callable

FALSE_POSITIVES = 0.025  # of validation rows: half of what the owners allow, as other nodes may have twice as many


@dataclass(frozen=True, slots=True)
class NodeRecipe:
    """What to train. `trees`, `depth` and `learning_rate` of None are the model's own."""

    model: Kind = "xgboost"
    features: Literal["all", "best"] = "all"
    seed: int = 42
    trees: int | None = None
    depth: int | None = None
    best: int = BEST
    false_positives: float = FALSE_POSITIVES
    learning_rate: float | None = None


@dataclass(frozen=True, slots=True)
class TrainedNodes:
    """A fitted model. `columns` are those of all features that it reads, `threshold` is on its suspicion (≥)."""

    recipe: NodeRecipe
    hyperparameters: dict[str, Any]
    spec: FeatureSpec
    columns: NDArray[np.int64]
    scaler: Any
    estimator: Any
    threshold: float
    history: History
    seconds: float

    def suspicion(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return a score for raw rows of all features, higher where more suspect."""
        return suspicion(self.recipe.model, self.estimator, self.scaler.transform(x[:, self.columns]))


def train(
    rows: LabelledRows,
    split: Split,
    recipe: NodeRecipe,
    say: Callable[[str], None] = lambda _: None,
    *,
    watch: Watch | None = None,
) -> TrainedNodes:
    """Train by `recipe` on `split.train`, and choose the threshold on `split.validation`; the test is not looked at."""
    from sklearn.preprocessing import RobustScaler

    _check(rows, split)
    begun = time.monotonic()
    columns = np.arange(rows.x.shape[1])
    if recipe.features == "best":
        say(f"choosing {recipe.best} of {len(columns)} features")
        columns = best_features(rows.x[split.train], rows.label[split.train], recipe.seed, recipe.best)
    parts = [(rows.x[part][:, columns], rows.label[part]) for part in (split.train, split.validation)]
    scaler = RobustScaler().fit(parts[0][0])
    scaled = [(scaler.transform(x), label) for x, label in parts]
    chosen = parameters(recipe.model, recipe.trees, recipe.depth, recipe.learning_rate)
    say(f"fitting {recipe.model} on {len(split.train)} rows of {len(columns)} features")
    estimator, history = fit(recipe.model, chosen, scaled[0], scaled[1], recipe.seed, watch)
    validated = suspicion(recipe.model, estimator, scaled[1][0])
    threshold = threshold_at_false_positive_rate(validated, scaled[1][1], recipe.false_positives)
    names = tuple(rows.names[column] for column in columns)
    spec = rows.spec if recipe.features == "all" else narrowed(rows.spec, names)
    seconds = time.monotonic() - begun
    return TrainedNodes(recipe, chosen, spec, columns, scaler, estimator, threshold, history, seconds)


def judge(
    scores: NDArray[np.float64], flagged: NDArray[np.bool_], rows: LabelledRows, chosen: NDArray[np.int64]
) -> Evaluation:
    """Evaluate what anybody said of the `chosen` rows; without groups, stretches of time stand for them."""
    group = time_blocks(rows.time[chosen]) if rows.group is None else rows.group[chosen]
    return evaluate(rows.label[chosen], scores, flagged, group)


def recall_by_cause(flagged: NDArray[np.bool_], rows: LabelledRows, chosen: NDArray[np.int64]) -> dict[str, float]:
    """Return the share of labelled rows that is flagged, for each cause; empty where causes are not known."""
    if rows.cause is None:
        return {}
    cause = rows.cause[chosen]
    return {str(name): float(flagged[cause == name].mean()) for name in np.unique(cause[rows.label[chosen]])}


def time_blocks(stamps: NDArray[np.float64], blocks: int = 30) -> NDArray[np.int64]:
    """Return one of `blocks` equal stretches of time for each row."""
    first, last = stamps.min(), stamps.max()
    place = (stamps - first) * blocks // max(last - first, 1e-12)
    return np.asarray(np.minimum(place, blocks - 1), np.int64)


def _check(rows: LabelledRows, split: Split) -> None:
    for name, part in (("train", split.train), ("validation", split.validation), ("test", split.test)):
        share = rows.label[part].mean()
        if share in {0.0, 1.0}:
            raise InputError(f"table: all labels of the {name} rows are {share:g}, expected 0 and 1; give more data")
        if not np.isfinite(rows.x[part]).all():
            column = rows.names[int(np.flatnonzero(~np.isfinite(rows.x[part]).all(axis=0))[0])]
            raise InputError(f"table: feature {column!r} is not finite in the {name} rows; fill or remove those rows")

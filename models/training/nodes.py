"""The recipe for node reliability by trees: choose features, scale, fit, and choose a threshold on validation rows."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dwcpc.compiler.errors import InputError
from dwcpc.models.data.labelled import LabelledRows
from dwcpc.models.data.series_split import Split
from dwcpc.models.evaluation.grouped_classification import Evaluation, evaluate
from dwcpc.models.training.feature_choice import BEST, FeatureChoice, chosen_features, spec_of
from dwcpc.models.training.node_estimators import FittedTrees, Kind, Watch, fit, parameters
from dwcpc.models.training.node_model import FALSE_POSITIVES, TrainedNodes
from dwcpc.models.training.threshold import threshold_at_false_positive_rate

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class NodeRecipe:
    """Which trees to train. `trees`, `depth` and `learning_rate` of None are the model's own."""

    model: Kind = "xgboost"
    features: FeatureChoice = "all"
    seed: int = 42
    trees: int | None = None
    depth: int | None = None
    false_positives: float = FALSE_POSITIVES
    learning_rate: float | None = None


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

    check_rows(rows, split)
    begun = time.monotonic()
    if recipe.features == "best":
        say(f"choosing {BEST} of {rows.x.shape[1]} features")
    columns = chosen_features(recipe.features, rows, split.train, recipe.seed)
    parts = [(rows.x[part][:, columns], rows.label[part]) for part in (split.train, split.validation)]
    scaler = RobustScaler().fit(parts[0][0])
    scaled = [(scaler.transform(x), label) for x, label in parts]
    chosen = parameters(recipe.model, recipe.trees, recipe.depth, recipe.learning_rate)
    say(f"fitting {recipe.model} on {len(split.train)} rows of {len(columns)} features")
    estimator, history = fit(recipe.model, chosen, scaled[0], scaled[1], recipe.seed, watch)
    model = FittedTrees(recipe.model, estimator, scaler, columns, history)
    validated = model.suspicion(rows, split.validation)
    threshold = threshold_at_false_positive_rate(validated, scaled[1][1], recipe.false_positives)
    spec = spec_of(recipe.features, rows, columns)
    return TrainedNodes(recipe, chosen, spec, scaler, model, threshold, time.monotonic() - begun)


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


def check_rows(rows: LabelledRows, split: Split) -> None:
    """InputError where a part has one label alone, or a feature that is not finite."""
    for name, part in (("train", split.train), ("validation", split.validation), ("test", split.test)):
        share = rows.label[part].mean()
        if share in {0.0, 1.0}:
            raise InputError(f"table: all labels of the {name} rows are {share:g}, expected 0 and 1; give more data")
        if not np.isfinite(rows.x[part]).all():
            column = rows.names[int(np.flatnonzero(~np.isfinite(rows.x[part]).all(axis=0))[0])]
            raise InputError(f"table: feature {column!r} is not finite in the {name} rows; fill or remove those rows")

"""The search space of the node model: XGBoost's trees, on all features or on the best.

How long its trees take depends on where they split, so the trained model itself is compiled and timed.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dwcpc.models.tuning.rounding import rounded
from dwcpc.models.tuning.space import Artifact, Params, Trained, Watch

if TYPE_CHECKING:
    import optuna

    from dwcpc.models.data.labelled import LabelledRows
    from dwcpc.models.data.series_split import Split
    from dwcpc.models.training.nodes import NodeRecipe

TIMED_ROWS = 256
WATCHED_EVERY = 10  # trees
YARDSTICK_TREES, YARDSTICK_DEPTH, YARDSTICK_FEATURES, YARDSTICK_ROWS = 100, 6, 123, 2000


@dataclass(frozen=True, slots=True)
class NodeData:
    """A table and its split."""

    rows: LabelledRows
    split: Split


@dataclass(frozen=True, slots=True)
class NodeSpace:
    """`recipe` is what trials start from; the ranges are inclusive."""

    recipe: NodeRecipe
    trees: tuple[int, int] = (50, 500)
    depths: tuple[int, int] = (3, 10)
    model: str = "nodes"

    @property
    def quality(self) -> str:
        """Detectors are compared whatever their threshold."""
        return "PR-AUC"

    def suggest(self, trial: optuna.Trial) -> Params:
        """How many trees, how deep, how much each of them learns, and from which features."""
        return {
            "trees": trial.suggest_int("trees", *self.trees, log=True),
            "depth": trial.suggest_int("depth", *self.depths),
            "learning_rate": trial.suggest_float("learning_rate", 0.02, 0.4, log=True),
            "features": trial.suggest_categorical("features", ("all", "best")),
        }

    def arguments(self, params: Params) -> list[str]:
        """Return the options that train exactly this."""
        recipe = self._chosen(params)
        stated = {"trees": recipe.trees, "depth": recipe.depth, "learning-rate": recipe.learning_rate}
        options = [text for name, value in stated.items() for text in (f"--{name}", str(value))]
        return [*options, "--features", recipe.features]

    def shape(self, _params: Params) -> None:
        """Nothing but the trained trees has their latency."""
        return

    def work(self, params: Params) -> float:
        """Return the comparisons of a row."""
        return float(params["trees"] * params["depth"])

    def train(self, params: Params, data: NodeData, folder: Path, watch: Watch) -> Trained:
        """Train by the recipe, and judge by the validation rows."""
        from dwcpc.models.evaluation.classification import detection_figures
        from dwcpc.models.training.node_artifacts import SCALER, save_artifacts
        from dwcpc.models.training.nodes import train

        def watched(tree: int, loss: float) -> None:
            if tree % WATCHED_EVERY == 0:
                watch(tree, loss)

        trained = train(data.rows, data.split, self._chosen(params), watch=watched)
        chosen = data.split.validation
        scores = trained.model.suspicion(data.rows, chosen)
        figures = detection_figures(data.rows.label[chosen], scores, float(np.nextafter(trained.threshold, -np.inf)))
        path = save_artifacts(trained, folder)
        rows = trained.model.inputs(data.rows, chosen[:TIMED_ROWS])
        facts = {
            "validation_recall": figures.recall,
            "validation_false_positive_rate": figures.false_positive_rate,
            "features": len(trained.spec.features),
        }
        return Trained(figures.pr_auc, Artifact(path, np.ascontiguousarray(rows), folder / SCALER), facts)

    def yardstick(self, folder: Path) -> Artifact:
        """Grow trees on drawn rows whose label is a sum of ten features and noise."""
        from dwcpc.models.training.node_estimators import fit, parameters, save

        rng = np.random.default_rng(0)
        x = rng.standard_normal((YARDSTICK_ROWS, YARDSTICK_FEATURES)).astype(np.float32)
        label = x[:, :10].sum(axis=1) + rng.standard_normal(YARDSTICK_ROWS) > 0
        chosen: dict[str, Any] = parameters("xgboost", YARDSTICK_TREES, YARDSTICK_DEPTH)
        estimator, _ = fit("xgboost", chosen, (x, label), (x[:TIMED_ROWS], label[:TIMED_ROWS]), 0)
        path = save("xgboost", estimator, folder, tuple(f"f{at}" for at in range(YARDSTICK_FEATURES)))
        return Artifact(path, x[:TIMED_ROWS])

    def _chosen(self, params: Params) -> NodeRecipe:
        return dataclasses.replace(
            self.recipe,
            trees=params["trees"],
            depth=params["depth"],
            features=params["features"],
            learning_rate=rounded(params["learning_rate"]),
        )

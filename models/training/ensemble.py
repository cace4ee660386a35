"""Several models of one recipe that differ in their seed, and answer together.

A member's score means something beside its own threshold only, so the ensemble's score is the mean of score / threshold
over its members, and an anomaly is where it exceeds 1.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from dwcpc.models.evaluation.detection import DetectionEvaluation, evaluate_detection
from dwcpc.models.training.consensus import ConsensusRecipe, Trained
from dwcpc.models.training.folds import TestSet
from dwcpc.models.training.run_files import write_json

ENSEMBLE_FILE: Final = "ensemble.json"
THRESHOLD: Final = 1.0


def members_of(recipe: ConsensusRecipe, count: int) -> Iterator[tuple[int, ConsensusRecipe]]:
    """Yield each member's seed and recipe: the recipe's seed and the ones after it."""
    for seed in range(recipe.fit.seed, recipe.fit.seed + count):
        yield seed, dataclasses.replace(recipe, fit=dataclasses.replace(recipe.fit, seed=seed))


def write_ensemble(folder: Path, thresholds: Mapping[str, float]) -> None:
    """Write which members there are, by their folders, and what each score is divided by."""
    members = [{"folder": name, "threshold": threshold} for name, threshold in thresholds.items()]
    write_json(folder / ENSEMBLE_FILE, {"combine": "mean of score / threshold", "threshold": 1.0, "members": members})


def evaluate_ensemble(tests: Sequence[TestSet], members: Sequence[Trained]) -> tuple[DetectionEvaluation, ...]:
    """Judge what the members say together."""
    evaluations = []
    for test in tests:
        ratios = [member.score(test.windows).astype(np.float64) / member.threshold for member in members]
        score = np.mean(ratios, axis=0)
        evaluations.append(evaluate_detection(test.name, "ensemble", test.windows, score, THRESHOLD))
    return tuple(evaluations)

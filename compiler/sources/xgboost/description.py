"""What `inspect` prints of a model."""

from __future__ import annotations

from collections.abc import Iterator

from dwcpc.compiler.pickles.named_globals import printable
from dwcpc.compiler.sources.xgboost.core import ReadModel
from dwcpc.compiler.trees.ensemble import TreeEnsemble
from dwcpc.compiler.trees.feature_use import described_use

_SHOWN_NAMES = 20


def description(model: ReadModel, file_format: str) -> list[tuple[str, str]]:
    """Return (label, text) pairs."""
    learner = model.learner
    rows = [
        ("kind", f"XGBoost {file_format.upper()}"),
        ("version", learner.version_text),
        ("task", model.task),
        ("objective", learner.objective_name),
        ("booster", learner.booster),
        ("features", str(learner.features)),
        *_trees(model),
        ("base_score", learner.base_score_text[:200]),
    ]
    if model.core.classes:
        rows.append(("classes", _listed(tuple(map(str, model.core.classes)))))
    if learner.feature_names:
        rows.append(("feature names", _listed(learner.feature_names)))
    if isinstance(model.core, TreeEnsemble):
        rows += described_use(model.core, tuple(map(printable, learner.feature_names)))
    return rows


def _trees(model: ReadModel) -> Iterator[tuple[str, str]]:
    if not isinstance(model.core, TreeEnsemble):
        return
    forest = model.core.forest
    yield "trees", f"{forest.trees} with {len(forest.feature)} nodes"
    if model.rounds != model.all_rounds:
        yield "rounds", f"the first {model.rounds} of {model.all_rounds} (early stopping)"


def _listed(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
    return ", ".join(map(printable, names[:_SHOWN_NAMES])) + more

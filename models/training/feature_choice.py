"""Which of many features a model takes, and the specification of what is left.

The best are found by gain, leaving out those that say the same; the momentary ones say something of one sample alone,
which is enough for a network that sees the samples before it.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dwcpc.compiler.features.reading import checked_spec
from dwcpc.compiler.features.spec import SCHEMA, FeatureSpec, Step
from dwcpc.models.data.labelled import LabelledRows

BEST = 36  # of 123: the owners asked for 30 to 40
SAME = 0.95  # absolute rank correlation above which the lesser of two features is left out
RANKED_ROWS = 20_000
TREES, DEPTH = 100, 6  # of the model whose gains order the features

Matrix = NDArray[np.float32]
Columns = NDArray[np.int64]
FeatureChoice = Literal["all", "best", "momentary"]


def chosen_features(choice: FeatureChoice, rows: LabelledRows, train: NDArray[np.int64], seed: int) -> Columns:
    """Return the columns of `rows` to take, ascending; the best are told from the rows to `train` alone."""
    if choice == "best":
        return best_features(rows.x[train], rows.label[train], seed)
    return momentary_features(rows.spec) if choice == "momentary" else np.arange(rows.x.shape[1])


def spec_of(choice: FeatureChoice, rows: LabelledRows, columns: Columns) -> FeatureSpec:
    """Return the specification that computes the `columns` of `rows`."""
    names = tuple(rows.names[column] for column in columns)
    return rows.spec if choice == "all" else narrowed(rows.spec, names, choice)


def momentary_features(spec: FeatureSpec) -> Columns:
    """Return the columns of the features that read no sample but the present one, ascending."""
    return np.flatnonzero(np.array(spec.lookbacks) == 0)


def best_features(x: Matrix, label: NDArray[np.bool_], seed: int, count: int = BEST) -> Columns:
    """Return the columns to keep, ascending; only ever from training rows."""
    gain = _gains(x, label, seed)
    rows = np.random.default_rng(seed).permutation(len(x))[:RANKED_ROWS]
    alike = np.abs(_rank_correlation(x[rows]))
    kept: list[int] = []
    for column in np.argsort(-gain, kind="stable"):
        if len(kept) == count or gain[column] <= 0:
            break
        if all(alike[column, other] <= SAME for other in kept):
            kept.append(int(column))
    return np.sort(np.array(kept, np.int64))


def narrowed(spec: FeatureSpec, names: tuple[str, ...], choice: FeatureChoice) -> FeatureSpec:
    """Return the specification of `names` alone, in its own order: steps that only serve them give no feature."""
    wanted, steps = set(names), list[Step]()
    for step in reversed(spec.steps):
        if step.name in wanted:
            steps.append(dataclasses.replace(step, output=step.output and step.name in names))
            wanted.update(step.sources)
    columns = tuple(column for column in spec.columns if column.name in wanted)
    name = f"{spec.name}_{choice}_{len(names)}"
    narrow = dataclasses.replace(spec, name=name, columns=columns, steps=tuple(reversed(steps)))
    return checked_spec(spec_document(narrow), narrow.name)


def spec_document(spec: FeatureSpec) -> dict[str, Any]:
    """Return `spec` as the JSON document that reads as it."""
    stated: dict[str, Any] = _stated(spec)
    return {"schema": SCHEMA, **stated}


def _stated(value: Any) -> Any:
    """Return dataclasses as objects without the fields that are as they are by default, which not every op may name."""
    if isinstance(value, tuple):
        return [_stated(inner) for inner in value]
    if not dataclasses.is_dataclass(value):
        return value
    fields = {field.name: (getattr(value, field.name), field.default) for field in dataclasses.fields(value)}
    return {name: _stated(held) for name, (held, default) in fields.items() if held != default}


def _gains(x: Matrix, label: NDArray[np.bool_], seed: int) -> NDArray[np.float64]:
    from xgboost import XGBClassifier

    ranker = XGBClassifier(n_estimators=TREES, max_depth=DEPTH, learning_rate=0.1, random_state=seed, n_jobs=1)
    ranker.fit(x, label.astype(np.int64))
    gains = ranker.get_booster().get_score(importance_type="total_gain")
    return np.array([gains.get(f"f{column}", 0.0) for column in range(x.shape[1])], np.float64)


def _rank_correlation(x: Matrix) -> NDArray[np.float64]:
    """Return Spearman's correlation of the columns, 0 where one is constant. Equal values share their mean rank."""
    ranks = np.empty(x.shape)
    for column in range(x.shape[1]):
        ordered = np.sort(x[:, column])
        low, high = np.searchsorted(ordered, x[:, column], "left"), np.searchsorted(ordered, x[:, column], "right")
        ranks[:, column] = (low + high) / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.nan_to_num(np.corrcoef(ranks, rowvar=False))

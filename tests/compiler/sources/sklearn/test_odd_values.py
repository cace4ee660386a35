"""Whatever stands in an attribute's place, the file is refused in one sentence or is a model that answers."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, RobustScaler

from dwcpc.compiler.artifact import Artifact
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.sources.sklearn.framework import ScikitLearn

FEW = {"n_estimators": 2, "random_state": 4}
MODELS = {
    "isolation": lambda data: IsolationForest(max_features=4, **FEW).fit(data["x"]),
    "forest": lambda data: RandomForestClassifier(max_depth=3, **FEW).fit(data["x"], data["three"]),
    "boosting": lambda data: GradientBoostingClassifier(max_depth=2, **FEW).fit(data["x"], data["three"]),
    "histogram": lambda data: HistGradientBoostingClassifier(max_iter=2).fit(data["x"], data["two"]),
    "linear": lambda data: make_pipeline(MinMaxScaler(clip=True), RobustScaler(), LogisticRegression()).fit(
        data["x"], data["three"]
    ),
}
CYCLE: list[object] = []
CYCLE.append(CYCLE)
VALUES: list[object] = [
    None,
    True,
    -1,
    10**5000,
    np.int64(3),
    float("nan"),
    1e300,
    "text\n\x1b[2J",
    b"bytes",
    [],
    (1, 2),
    [1, [2]],
    CYCLE,
    {"nodes": 1},
    np.zeros(0),
    np.arange(3.0),
    np.full((3, 6), np.nan),
    np.zeros((2, 2, 2), np.float32),
    np.array(["a", "b", "c"]),
    np.array([None, {}, "x"], object),
    np.zeros(4, [("feature", "<i8"), ("threshold", "<f8")]),
    np.float64(2),
    RobustScaler(),
]
# All of them in all places were tried once, in two minutes; this takes turns.
EACH = 2


@pytest.mark.parametrize("name", MODELS)
def test_any_value_in_any_place_is_refused_or_answered(name, data, edited, load) -> None:
    model = MODELS[name](data)
    places: set[tuple[str, str]] = set()
    edited(model, lambda kind, state: places.update((kind, key) for key in state))
    values = itertools.cycle(VALUES)
    refused = 0
    for place in sorted(places):
        for value in itertools.islice(values, EACH):
            refused += not answers(put(model, edited, place, value), load, data["x"][:5])
    assert 10 < refused < EACH * len(places)


def put(model: Any, edited: Any, place: tuple[str, str], value: object) -> bytes:
    def edit(kind: str, state: dict[str, Any]) -> None:
        if kind == place[0] and (place[1] != "args" or (kind == "Tree" and isinstance(value, tuple))):
            state[place[1]] = value

    return edited(model, edit)


def answers(content: bytes, load: Any, x: np.ndarray) -> bool:
    try:
        model = load(content)
    except InputError as error:
        refusal = str(error)
    else:
        refusal = ""
    if refusal:
        assert refusal.isprintable()
        assert len(refusal) < 800
        return False
    x = np.resize(x, (len(x), *model.spec.input_shape))
    model.answers(x)
    model.leaves(x)
    for label, text in ScikitLearn().describe(Artifact(model.model.state.path, content, "")):
        assert (label + text).isprintable()
    return True

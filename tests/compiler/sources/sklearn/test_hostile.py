"""Files made to harm: nothing in them runs, and whatever is wrong with them ends in one sentence, never in C code."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
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

from dwcpc.compiler.errors import InputError

FEW = {"n_estimators": 3, "max_depth": 4, "random_state": 4}


class Runs:
    """Pickles as a call of `function(*args)`."""

    def __init__(self, function: Any, *args: object) -> None:
        self.call = function, args

    def __reduce__(self) -> Any:
        return self.call


class ImportsInSetstate:
    """Would import a module when its state is set."""

    def __getstate__(self) -> dict[str, int]:
        return {"a": 1}

    def __setstate__(self, state: object) -> None:
        __import__("antigravity")


@pytest.mark.parametrize("form", ["pickle 0", "pickle 2", "pickle 5", "joblib", "joblib compressed"])
@pytest.mark.parametrize("place", ["random_state", "estimators_", "steps", "feature_names_in_"])
def test_a_command_in_a_model_never_runs(form, place, data, tmp_path, load, joblib_bytes) -> None:
    marker = tmp_path / "executed"
    payload = Runs(os.system, f"touch {marker}")
    model = IsolationForest(n_estimators=2).fit(data["x"])
    if place == "steps":
        model = make_pipeline(RobustScaler(), model)
        model.steps.insert(1, ("payload", payload))
    else:
        nested = {"estimators_": [payload], "feature_names_in_": np.array([payload], object)}
        setattr(model, place, nested.get(place, payload))
    content = {
        "pickle 0": lambda: pickle.dumps(model, 0),
        "pickle 2": lambda: pickle.dumps(model, 2),
        "pickle 5": lambda: pickle.dumps(model, 5),
        "joblib": lambda: joblib_bytes(model),
        "joblib compressed": lambda: joblib_bytes(model, compress=3),
    }[form]()
    with pytest.raises(InputError, match=r"names (posix|nt)\.system, expected IsolationForest"):
        load(content)
    assert not marker.exists()


@pytest.mark.parametrize(
    ("payload", "name"),
    [
        (Runs(eval, "1/0"), r"builtins\.eval"),
        (Runs(getattr, "x", "y"), r"builtins\.getattr"),
        (Runs(Runs, Runs(os.system, "true")), r"\.Runs"),
        (Runs(__import__, "antigravity"), r"builtins\.__import__"),
        (ImportsInSetstate(), r"\.ImportsInSetstate"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_name_that_no_estimator_pickles_is_refused_and_named(payload, name, data, load) -> None:
    model = RandomForestClassifier(**FEW).fit(data["x"], data["two"])
    model.base_estimator = payload
    with pytest.raises(InputError, match=rf"names \S*{name}, expected IsolationForest"):
        load(pickle.dumps(model))


def test_an_allowed_class_in_the_wrong_place_is_refused(data, load) -> None:
    model = RandomForestClassifier(**FEW).fit(data["x"], data["two"])
    model.estimators_ = [RobustScaler().fit(data["x"])]
    with pytest.raises(InputError, match="estimators_ of the RandomForestClassifier is a list"):
        load(pickle.dumps(model))
    with pytest.raises(InputError, match="is a Tree, expected IsolationForest"):
        load(pickle.dumps(RandomForestClassifier(**FEW).fit(data["x"], data["two"]).estimators_[0].tree_))


def cut(name: str, value: object) -> Any:
    """Return an edit that sets one field of a tree's root."""

    def edit(state: dict[str, Any]) -> None:
        nodes = state["nodes"].copy()
        nodes[name][0] = value
        state["nodes"] = nodes

    return edit


def put(**values: Any) -> Any:
    return lambda state: state.update(values)


def computed(name: str, change: Any) -> Any:
    return lambda state: state.update({name: change(state[name])})


BAD_TREES = {
    "a child beyond the tree": (cut("left_child", 10**6), "has a child outside its tree"),
    "a child beyond int32": (cut("right_child", (1 << 32) + 1), "has a child outside its tree"),
    "a negative child": (cut("left_child", -7), "has a child outside its tree"),
    "one child only": (cut("left_child", -1), "a node has one child"),
    "itself as a child": (cut("left_child", 0), "has several parents or is a root with one"),
    "one child twice": (cut("left_child", 2), "has several parents"),
    "a feature beyond": (cut("feature", 6), "splits on feature 6, expected one of 6"),
    "a huge feature": (cut("feature", (1 << 32) + 1), "splits on feature"),
    "a negative feature": (cut("feature", -1), "splits on feature -2"),
    "a threshold of NaN": (cut("threshold", np.nan), "threshold of NaN"),
    "a count that is wrong": (put(node_count=3), "does not hold the 3 nodes|where its nodes should be"),
    "no nodes": (put(nodes=np.zeros(0)), "where its nodes should be"),
    "nodes that are numbers": (put(nodes=np.zeros(5), node_count=5), "where its nodes should be"),
    "nodes as text": (put(nodes="x"), "has no nodes"),
    "values that are too few": (computed("values", lambda values: values[:-1].copy()), "has values of shape"),
    "values of text": (computed("values", lambda values: values.astype("U3")), "has values of shape"),
    "values that are infinite": (
        computed("values", lambda values: np.full_like(values, np.inf)),
        "shares|finite|value",
    ),
    "values below 0": (computed("values", lambda values: -values), "negative share"),
    "several outputs": (computed("args", lambda args: (args[0], args[1], 2)), "several outputs"),
    "classes of 2 to the 40": (computed("args", lambda args: (6, np.array([1 << 40]), 1)), "is not for 6 features"),
    "another width": (computed("args", lambda args: (7, args[1], 1)), "is not for 6 features"),
    "no arguments": (put(args=()), "has no nodes"),
}


@pytest.mark.parametrize("name", BAD_TREES)
def test_a_tree_that_c_code_would_trust_is_refused(name, data, edited, load) -> None:
    change, reason = BAD_TREES[name]
    model = RandomForestClassifier(**FEW).fit(data["x"], data["three"])
    content = edited(model, lambda kind, state: change(state) if kind == "Tree" else None)
    with pytest.raises(InputError, match=reason) as failure:
        load(content)
    assert "\n" not in str(failure.value)
    assert len(str(failure.value)) < 500


BAD_PREDICTORS = {
    "a child beyond the tree": (cut("left", 4_000_000_000), "has a child outside its tree"),
    "itself as a child": (cut("right", 0), "has several parents"),
    "a feature beyond": (cut("feature_idx", 6), "splits on feature 6"),
    "a threshold of NaN": (cut("num_threshold", np.nan), "threshold of NaN"),
    "a categorical split": (cut("is_categorical", 1), "is categorical, expected numbers"),
    "nodes that are numbers": (put(nodes=np.zeros(5)), "no readable nodes"),
    "no nodes": (put(nodes=None), "no readable nodes"),
}


@pytest.mark.parametrize("name", BAD_PREDICTORS)
def test_a_predictor_that_c_code_would_trust_is_refused(name, data, edited, load) -> None:
    change, reason = BAD_PREDICTORS[name]
    model = HistGradientBoostingClassifier(max_iter=2).fit(data["x"], data["two"])
    content = edited(model, lambda kind, state: change(state) if kind == "TreePredictor" else None)
    with pytest.raises(InputError, match=reason):
        load(content)


def test_a_small_file_cannot_name_one_tree_a_million_times(data, load) -> None:
    model = RandomForestClassifier(n_estimators=1, random_state=1).fit(data["x"], data["two"])
    model.estimators_ = model.estimators_ * 400_000
    with pytest.raises(InputError, match="more than 8388608 nodes"):
        load(pickle.dumps(model, 5))


def test_truncation_anywhere_is_an_input_error(data, load) -> None:
    content = pickle.dumps(RandomForestClassifier(**FEW).fit(data["x"], data["two"]), 4)
    load(content)
    for length in np.random.default_rng(1).integers(1, len(content), 150):
        with pytest.raises(InputError):
            load(content[:length])


FLIPPED = {
    "forest": lambda data: RandomForestClassifier(**FEW).fit(data["x"], data["three"]),
    "isolation": lambda data: IsolationForest(n_estimators=3, max_features=3, random_state=1).fit(data["x"]),
    "boosting": lambda data: GradientBoostingClassifier(n_estimators=2).fit(data["x"], data["three"]),
    "histogram": lambda data: HistGradientBoostingClassifier(max_iter=3).fit(data["x"], data["two"]),
    "linear": lambda data: make_pipeline(MinMaxScaler(), LogisticRegression()).fit(data["x"], data["three"]),
}

# In a process of its own, so that a crash of C code is seen as one.
FLIP = """
import sys, warnings; from pathlib import Path
import numpy as np
from dwcpc.compiler.artifact import Artifact
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.sources.base import LoadOptions
from dwcpc.compiler.sources.sklearn.framework import ScikitLearn
warnings.simplefilter("ignore")
random = np.random.default_rng(7)
x = random.normal(size=(50, 6)).astype(np.float32)
for path in map(Path, sys.argv[2:]):
    good, refused = path.read_bytes(), 0
    for position in random.integers(0, len(good), int(sys.argv[1])):
        damaged = bytearray(good)
        damaged[position] ^= 1 << int(random.integers(8))
        artifact = Artifact(path, bytes(damaged), "")
        try:
            model = ScikitLearn().load(artifact, LoadOptions())
            ScikitLearn().describe(artifact)
        except InputError:
            refused += 1
            continue
        rows = np.resize(x, (len(x), *model.spec.input_shape))
        model.answers(rows)
        reached = model.leaves(rows)
        assert reached is None or reached.shape == (len(x), model.core.forest.trees)
    print(path.name, refused)
"""
FLIPS = 100


@pytest.mark.slow
def test_flipped_bits_are_refused_or_still_a_model(data, tmp_path) -> None:
    paths = [tmp_path / name for name in FLIPPED]
    for path in paths:
        path.write_bytes(pickle.dumps(FLIPPED[path.name](data), 5))
    command = [sys.executable, "-c", FLIP, str(FLIPS), *map(str, paths)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    refused = dict(line.split() for line in done.stdout.splitlines())
    assert list(refused) == list(FLIPPED)
    assert all(5 < int(count) < FLIPS - 5 for count in refused.values())

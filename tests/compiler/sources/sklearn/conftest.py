"""Models in the forms they are saved in, rows on the models' own splits, and a walk that shares no code with them."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest

from dwcpc.compiler.artifact import Artifact
from dwcpc.compiler.sources.base import LoadOptions
from dwcpc.compiler.sources.sklearn.framework import PickledEstimator, ScikitLearn
from dwcpc.compiler.trees.ensemble import TreeEnsemble
from dwcpc.compiler.trees.forest import LEAF, Forest

SPECIAL = np.array([0.0, -0.0, 1e-45, -1e-45, 1e-38, -1e-38, 1e38, -1e38, 3.4028235e38, np.inf, -np.inf], np.float32)
FEATURES = 6


def _loaded(data: bytes) -> PickledEstimator:
    model = ScikitLearn().load(Artifact(Path("model.pkl"), data, ""), LoadOptions())
    assert isinstance(model, PickledEstimator)
    return model


@pytest.fixture(scope="session")
def load() -> Callable[[bytes], PickledEstimator]:
    """Return `load(data)`: the model in a file with these bytes."""
    return _loaded


@pytest.fixture(scope="session")
def kept() -> Callable[[Any], PickledEstimator]:
    """Return `kept(estimator)`: what is loaded of its pickle."""
    return lambda estimator: _loaded(pickle.dumps(estimator, 5))


@pytest.fixture(scope="session")
def joblib_bytes() -> Callable[..., bytes]:
    """Return `joblib_bytes(value, **options)`: what joblib.dump writes."""

    def dump(value: object, **options: Any) -> bytes:
        stream = io.BytesIO()
        joblib.dump(value, stream, **options)
        return stream.getvalue()

    return dump


@pytest.fixture(scope="session")
def data() -> dict[str, np.ndarray]:
    """Return inputs `x` [240, 6] and targets: `two` and `three` classes, and a positive `number`."""
    random = np.random.default_rng(3)
    x = random.normal(size=(240, FEATURES)).astype(np.float32)
    x[:, 3] = np.round(x[:, 3])  # ties, and thresholds that float32 holds exactly
    signal = x[:, 0] + 0.5 * x[:, 1] * x[:, 3] + 0.4 * random.normal(size=len(x))
    missing = x.copy()
    missing[random.random(x.shape) < 0.15] = np.nan
    return {
        "x": x,
        "missing": missing,
        "two": (signal > 0.2).astype(int),
        "three": np.digitize(signal, [-0.6, 0.6]),
        "number": np.exp(signal / 2),
        "weight": random.uniform(0.1, 3.0, len(x)),
    }


def _rows(forest: Forest | None, *, nan: bool) -> np.ndarray:
    random = np.random.default_rng(9)
    x = random.normal(size=(400, FEATURES)).astype(np.float32)
    special = np.append(SPECIAL, np.float32(np.nan)) if nan else SPECIAL
    lone = random.random(x.shape) < 0.1
    x[lone] = random.choice(special, int(lone.sum()))
    splits = np.flatnonzero(forest.is_split) if forest is not None else np.array([], int)
    if not len(splits):
        return x
    # Each row takes the way to one split and lies on it, or one float32 beside it.
    chosen = random.choice(splits, 600)
    on = random.normal(size=(len(chosen), FEATURES)).astype(np.float32)
    at = forest.threshold[chosen]
    beside = np.stack([at, np.nextafter(at, np.float32(np.inf)), np.nextafter(at, np.float32(-np.inf))])
    on[np.arange(len(chosen)), forest.feature[chosen]] = beside[random.integers(0, 3, len(chosen)), np.arange(len(at))]
    return np.concatenate([x, on])


@pytest.fixture(scope="session")
def rows() -> Callable[..., np.ndarray]:
    """Return `rows(forest, nan=…)`: drawn rows with special values among them, and rows on the forest's splits."""
    return _rows


def _leaves(forest: Forest, x: np.ndarray) -> np.ndarray:
    node = np.repeat(forest.roots[np.newaxis], len(x), axis=0)
    row = np.arange(len(x))[:, np.newaxis]
    while (forest.feature[node] != LEAF).any():
        feature = forest.feature[node]
        value = x[row, feature]
        left = np.where(np.isnan(value), forest.missing_left[node], value <= forest.threshold[node])
        node = np.where(feature == LEAF, node, np.where(left, forest.left[node], forest.right[node]))
    return node


def _margins(core: TreeEnsemble, leaves: np.ndarray) -> np.ndarray:
    sums = np.repeat(np.array([core.base], np.float64), len(leaves), axis=0)
    for tree in range(core.forest.trees):
        value = core.forest.value[leaves[:, tree]]
        if value.shape[1] > 1:
            sums += value
        else:
            sums[:, core.target[tree]] += value[:, 0]
    return sums / core.divisor


@pytest.fixture(scope="session")
def walk() -> Callable[[TreeEnsemble, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Return `walk(core, x)`: the node within its tree [rows, trees] and the margins m [rows, sums]."""

    def walked(core: TreeEnsemble, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        leaves = _leaves(core.forest, x)
        return leaves - core.forest.roots, _margins(core, leaves)

    return walked


Edit = Callable[[str, dict[str, Any]], None]


class _Editor(pickle.Pickler):
    """Pickles scikit-learn's objects with their states changed by `edit(class name, state)`."""

    def __init__(self, stream: io.BytesIO, edit: Edit) -> None:
        super().__init__(stream, 5)
        self.edit = edit

    def reducer_override(self, obj: Any) -> Any:
        if not type(obj).__module__.startswith("sklearn.") or isinstance(obj, type):
            return NotImplemented
        function, args, *rest = obj.__reduce_ex__(5)
        state = rest[0] if rest else None
        if isinstance(state, dict):
            state = {name: value.copy() if isinstance(value, np.ndarray) else value for name, value in state.items()}
            state["args"] = args
            self.edit(type(obj).__name__, state)
            args = state.pop("args")
        return function, args, state


@pytest.fixture(scope="session")
def edited() -> Callable[[Any, Edit], bytes]:
    """Return `edited(model, edit)`: its pickle, states changed in place; `args` is what the class is called with."""

    def pickled(model: Any, edit: Edit) -> bytes:
        stream = io.BytesIO()
        _Editor(stream, edit).dump(model)
        return stream.getvalue()

    return pickled

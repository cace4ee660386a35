"""Models trained by XGBoost, saved in both formats, and a walker of trees that shares no code with the compiler."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import xgboost

from dwcpc.compiler.artifact import Artifact
from dwcpc.compiler.linear import LinearModel
from dwcpc.compiler.sources.base import LoadOptions
from dwcpc.compiler.sources.xgboost.core import ReadModel, read_model
from dwcpc.compiler.sources.xgboost.estimator import XGBoostEstimator
from dwcpc.compiler.sources.xgboost.framework import XGBoost

EXTREMES = np.array([0.0, -0.0, 1e-45, -1e-45, 1e38, -1e38, 1.5, np.inf, -np.inf, np.nan], np.float32)


def artifact_of(data: bytes, name: str = "model.ubj") -> Artifact:
    return Artifact(Path(name), data, "")


@pytest.fixture(scope="session")
def load() -> Callable[..., XGBoostEstimator]:
    """Return `load(data, **options)`: what the compiler makes of a file with these bytes."""

    def loaded(data: bytes, **options: Any) -> XGBoostEstimator:
        found = XGBoost().load(artifact_of(data), LoadOptions(**options))
        assert isinstance(found, XGBoostEstimator)
        return found

    return loaded


@pytest.fixture(scope="session")
def read() -> Callable[[bytes], ReadModel]:
    """Return `read(data)`: the half that needs no XGBoost."""
    return lambda data: read_model(artifact_of(data))


class Training(NamedTuple):
    """What the models are trained on."""

    x: np.ndarray
    score: np.ndarray


@pytest.fixture(scope="session")
def training() -> Training:
    """Rows [400, 5], whole numbers that fall onto thresholds and a continuous column, a tenth missing; and a score."""
    rng = np.random.default_rng(7)
    x = rng.integers(-3, 5, (400, 5)).astype(np.float32)
    x[:, 4] = rng.normal(size=400)
    x[rng.random(x.shape) < 0.1] = np.nan
    known = np.where(np.isnan(x), np.float32(2.5), x)  # that a value is missing matters
    noise = rng.normal(size=len(x))
    return Training(x, known[:, 0] + 0.5 * known[:, 1] * (known[:, 2] > 0) - 2 * known[:, 4] + noise)


@pytest.fixture(scope="session")
def saved(tmp_path_factory) -> Callable[..., bytes]:
    """Return `saved(model, file_format="ubj")`: the bytes that save_model writes."""
    folder = tmp_path_factory.mktemp("saved")

    def save(model: Any, file_format: str = "ubj") -> bytes:
        path = folder / f"model.{file_format}"
        model.save_model(path)
        return path.read_bytes()

    return save


@pytest.fixture(scope="session")
def reload(saved, load) -> Callable[..., XGBoostEstimator]:
    """Return `reload(model, file_format="ubj", **options)`: what the compiler makes of the saved model."""
    return lambda model, file_format="ubj", **options: load(saved(model, file_format), **options)


@pytest.fixture(scope="session")
def classifier(training) -> xgboost.XGBClassifier:
    """A small binary classifier."""
    return xgboost.XGBClassifier(n_estimators=4, max_depth=3).fit(training.x, (training.score > 0).astype(int))


@pytest.fixture(scope="session")
def classifier_document(classifier, saved) -> dict[str, Any]:
    """That classifier's JSON, parsed."""
    return json.loads(saved(classifier, "json"))


@pytest.fixture
def document(classifier_document) -> dict[str, Any]:
    """A copy of it to change."""
    return copy.deepcopy(classifier_document)


@pytest.fixture(scope="session")
def walk() -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """Return `walk(core, x)`: float32 margins [rows, margins] and leaves [rows, trees], one tree after the other."""
    return _walk


def _walk(core: Any, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if isinstance(core, LinearModel):
        return _linear(core, x), np.empty((len(x), 0), np.int32)
    forest = core.forest
    margin = np.tile(np.array(core.base, np.float32), (len(x), 1))
    leaves = np.empty((len(x), forest.trees), np.int32)
    rows = np.arange(len(x))
    for tree, root in enumerate(forest.roots):
        node = np.full(len(x), root)
        while (forest.feature[node] >= 0).any():
            inner = forest.feature[node] >= 0
            at = x[rows, np.where(inner, forest.feature[node], 0)]
            missing = np.isnan(at) | (False if core.missing is None else at == np.float32(core.missing))
            goes_left = np.where(missing, forest.missing_left[node], at <= forest.threshold[node])
            node = np.where(inner, np.where(goes_left, forest.left[node], forest.right[node]), node)
        leaves[:, tree] = node - root
        margin[:, core.target[tree]] += forest.value[node, 0].astype(np.float32)
    return margin, leaves


def _linear(core: LinearModel, x: np.ndarray) -> np.ndarray:
    absent = np.isnan(x) | (False if core.missing is None else x == np.float32(core.missing))
    margin = np.tile(core.intercept.astype(np.float32), (len(x), 1))
    weights = core.weights.astype(np.float32)
    for feature in range(x.shape[1]):
        with np.errstate(invalid="ignore", over="ignore"):
            margin += np.where(absent[:, [feature]], np.float32(0), x[:, [feature]]) * weights[feature]
    return margin


@pytest.fixture(scope="session")
def assert_same(training) -> Callable[[XGBoostEstimator], np.ndarray]:
    """Return `assert_same(estimator)`: both agree bit for bit on rows around the splits, which it returns."""

    def checked(estimator: XGBoostEstimator) -> np.ndarray:
        x = _boundary_rows(estimator.core, training.x)
        margins, leaves = _walk(estimator.core, x)
        expected = estimator.margins(x)
        if isinstance(estimator.core, LinearModel):
            # An infinity in one feature outweighs the others, whatever the order; opposite ones are NaN.
            np.testing.assert_array_equal(margins, expected)
            assert estimator.leaves(x) is None
            infinite = np.isinf(x).any(axis=1)
            margins, expected = margins[~infinite], expected[~infinite]
        else:
            np.testing.assert_array_equal(leaves, estimator.leaves(x))
        np.testing.assert_array_equal(_bits(margins), _bits(expected))
        return x

    return checked


def _bits(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values, np.float32).view(np.int32)


def _boundary_rows(core: Any, x: np.ndarray, rows: int = 1500) -> np.ndarray:
    rng = np.random.default_rng(1)
    drawn = x[rng.integers(0, len(x), rows)]
    for column in range(x.shape[1]):
        values = EXTREMES
        if not isinstance(core, LinearModel):
            below = core.forest.threshold[core.forest.feature == column]
            split = np.nextafter(below, np.float32(np.inf))
            values = np.concatenate([values, below, split, np.nextafter(split, np.float32(np.inf))])
        if core.missing is not None:
            values = np.append(values, np.float32(core.missing))
        moved = rng.random(rows) < 0.6
        drawn[moved, column] = rng.choice(values, moved.sum())
    return drawn

"""Bundles, references and runners that are made up: what a check must say of them is known beforehand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from dwcpc.compiler.bundle import Bundle, open_bundle
from dwcpc.compiler.graphs.built import Surroundings
from dwcpc.compiler.graphs.estimators import build_estimator
from dwcpc.compiler.linear import LinearModel
from dwcpc.compiler.metadata import Decision, TensorSpec
from dwcpc.compiler.scalers import Scaler, Scaling
from dwcpc.compiler.sources.base import ModelSpec
from dwcpc.compiler.trees.ensemble import TreeEnsemble
from dwcpc.compiler.trees.forest import LEAF, Forest
from dwcpc.parity.checks.base import Comparison
from dwcpc.parity.reference import Reference, ReferenceGroup
from dwcpc.parity.runners.base import RunnerOutput
from dwcpc.parity.runners.estimator_source import EstimatorSource

GOOD = Path(__file__).resolve().parents[1] / "fixtures" / "bundles" / "good"
THRESHOLD = 0.5
TOLERANCE = {"reconstruction": np.array([1e-3, 1e-1]), "anomaly_score": np.array([1e-3])}
NOISE_LEVEL = {"reconstruction": 1e-4, "anomaly_score": 1e-4}
SEED = 11

DECISION = Decision("anomaly_score", "made up", THRESHOLD, ">")

Outputs = dict[str, np.ndarray]


def model(rows: np.ndarray) -> Outputs:
    """Compute the model of these tests on float32 [rows, 3, 2]: NaN for a whole row that holds anything but numbers."""
    with np.errstate(invalid="ignore"):
        poison = 0 * rows.sum(axis=(1, 2))
        halved = (rows / 2 + poison[:, None, None]).astype(np.float32)
        score = (np.square(halved).mean(axis=(1, 2)) + poison).astype(np.float32)
    return {"reconstruction": halved, "anomaly_score": score}


@dataclass(frozen=True, slots=True)
class FakeRunner:
    """Answers with `compute` of each batch, changed by `spoil(outputs, batch)`."""

    name: str = "python"
    compute: Callable[[np.ndarray], Outputs] = model
    spoil: Callable[[Outputs, int], Outputs] = field(default=lambda outputs, _batch: outputs)
    onnxruntime: str = "1.32.0"

    def run(self, _bundle: Bundle, rows: np.ndarray, batch: int) -> RunnerOutput:
        """Run in calls of `batch` rows."""
        parts = [self.compute(rows[at : at + batch]) for at in range(0, len(rows), batch)]
        outputs = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        return RunnerOutput(self.spoil(outputs, batch), self.onnxruntime)


@pytest.fixture
def fake_runner() -> type[FakeRunner]:
    """The class of runners that compute the reference's own model and may be told to spoil it."""
    return FakeRunner


@pytest.fixture
def bundle() -> Bundle:
    """The good bundle of the fixtures, deciding at THRESHOLD; only its metadata counts here."""
    opened = open_bundle(GOOD)
    return replace(opened, metadata=replace(opened.metadata, decision=DECISION))


@pytest.fixture
def reference() -> Reference:
    """160 rows in two groups, with the tolerances of TOLERANCE."""
    rng = np.random.default_rng(SEED)
    groups = []
    for name, size, scale in (("typical", 128, 1.0), ("wide", 32, 10.0)):
        rows = (rng.standard_normal((size, 3, 2)) * scale).astype(np.float32)
        outputs = {key: value.astype(np.float64) for key, value in model(rows).items()}
        groups.append(ReferenceGroup(name, rows, outputs, TOLERANCE, NOISE_LEVEL))
    non_finite = np.full((3, 3, 2), np.nan, np.float32)
    return Reference("float64", SEED, tuple(groups), non_finite, ())


@pytest.fixture
def comparison(reference: Reference) -> Callable[..., Comparison]:
    """Return `comparison(outputs=…, tolerance=…, decision=…, group=…)`, by default one without any difference."""

    def make(
        *,
        outputs: Outputs | None = None,
        tolerance: dict[str, np.ndarray] | None = None,
        decision: Decision | None = DECISION,
        expected: Outputs | None = None,
        group: str = "typical",
    ) -> Comparison:
        first = reference.groups[0]
        known = first.outputs if expected is None else expected
        allowed = tolerance or {name: TOLERANCE.get(name, np.array([1e-3])) for name in known}
        judged = ReferenceGroup(group, first.rows[: len(next(iter(known.values())))], known, allowed)
        answered = model(first.rows) if outputs is None else outputs
        return Comparison(judged, answered, "python", decision)

    return make


def random_forest(
    trees: int, depth: int, features: int, *, values: int = 1, seed: int = SEED, missing: bool = False
) -> Forest:
    """Return unbalanced random trees of up to `depth`; the first is a single leaf. Leaves hold positive numbers."""
    rng = np.random.default_rng(seed)
    roots: list[int] = []
    nodes: list[list[float]] = []

    def grow(level: int) -> int:
        index = len(nodes)
        nodes.append([LEAF, 0.0, -1, -1, 0])
        if level > 0 and (level == depth or rng.random() < 0.2):
            return index
        left, right = grow(level + 1), grow(level + 1)
        nodes[index] = [rng.integers(features), rng.normal(), left, right, missing and rng.random() < 0.5]
        return index

    for tree in range(trees):
        roots.append(len(nodes))
        if tree == 0:
            nodes.append([LEAF, 0.0, -1, -1, 0])
        else:
            grow(0)
    feature, threshold, left, right, missing_left = (np.array(column) for column in zip(*nodes, strict=True))
    value = np.where((feature == LEAF)[:, None], rng.dirichlet(np.ones(max(values, 2)), len(nodes))[:, :values], 0.0)
    return Forest(
        features,
        np.array(roots, np.int32),
        feature.astype(np.int32),
        threshold.astype(np.float32),
        left.astype(np.int32),
        right.astype(np.int32),
        missing_left.astype(bool),
        value,
    )


def ends(forest: Forest, x: np.ndarray, missing: float | None = None) -> np.ndarray:
    """Return the nodes [rows, trees] in which the rows end."""
    if missing is not None:
        x = np.where(x == np.float32(missing), np.float32(np.nan), x)
    node = np.tile(forest.roots, (len(x), 1))
    while (forest.feature[node] != LEAF).any():
        at = np.take_along_axis(x, np.maximum(forest.feature[node], 0), axis=1)
        left = np.where(np.isnan(at), forest.missing_left[node], at <= forest.threshold[node])
        onward = np.where(left, forest.left[node], forest.right[node])
        node = np.where(forest.feature[node] == LEAF, node, onward)
    return node


@dataclass(frozen=True, slots=True)
class FakeEstimator:
    """An estimator whose framework is numpy: it walks `walked`, which is the core's forest unless a test says not."""

    core: TreeEnsemble | LinearModel
    scalers: tuple[Scaling, ...] = ()
    non_finite: str = "answered"
    walked: Forest | None = None

    @property
    def spec(self) -> ModelSpec:
        """What it is."""
        link = self.core.link
        task = "anomaly_detection" if link == "isolation" else "classification" if self.core.classes else "regression"
        features = len(self.core.weights) if isinstance(self.core, LinearModel) else self.core.forest.features
        return ModelSpec("numpy", "1", "made up", "made_up", task, (features,), non_finite=self.non_finite)

    def answers(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Return what its task answers, in float64."""
        for scaler in self.scalers:
            x = scaler.transform(x)
        core = self.core
        if isinstance(core, LinearModel):
            margin = x.astype(np.float64) @ core.weights + core.intercept
            with np.errstate(over="ignore"):
                second = 1 / (1 + np.exp(-margin[:, 0]))
            return {
                "label": np.array(core.label_values)[(margin[:, 0] > 0).astype(int)].astype(np.float64),
                "probability": np.stack([1 - second, second], axis=1),
            }
        forest = self.walked or core.forest
        value = forest.value[ends(forest, x, core.missing)].sum(axis=1) / core.divisor
        if core.link == "isolation":
            return {"anomaly_score": -(2.0 ** -value[:, 0])}
        if core.link == "average":
            labels = np.array(core.label_values)[value.argmax(axis=1)]
            return {"label": labels.astype(np.float64), "probability": value}
        return {"prediction": value}

    def leaves(self, x: np.ndarray) -> np.ndarray | None:
        """Return the nodes within their trees."""
        if isinstance(self.core, LinearModel):
            return None
        for scaler in self.scalers:
            x = scaler.transform(x)
        forest = self.walked or self.core.forest
        return (ends(forest, x, self.core.missing) - forest.roots).astype(np.int32)


def tree_source(
    link: str = "identity",
    *,
    forest: Forest | None = None,
    classes: int = 3,
    walked: Forest | None = None,
    missing: float | None = None,
    scaler: Scaler | None = None,
    target_scaler: Scaler | None = None,
    scalers: tuple[Scaling, ...] = (),
    non_finite: str = "answered",
) -> EstimatorSource:
    """Return a source of 12 random trees on 5 features, with the decision that its link asks for."""
    values = classes if link == "average" else 1
    forest = forest or random_forest(12, 5, 5, values=values, missing=non_finite == "answered")
    core = TreeEnsemble(
        forest,
        link,
        (0.0,) * values,
        np.zeros(forest.trees, np.int32),
        divisor=1.0 if link == "identity" else float(forest.trees),
        label_above=0.5,
        classes=tuple(range(10, 10 + classes)) if link == "average" else (),
        missing=missing,
    )
    decision = None
    if link == "isolation":
        decision = Decision("anomaly_score", "made up", -0.7, "<=", "anomaly")
    return EstimatorSource(FakeEstimator(core, scalers, non_finite, walked), scaler, target_scaler, decision)


def bundle_of(source: EstimatorSource, folder: Path, change: Callable[[onnx.ModelProto], None] | None = None) -> Bundle:
    """Compile the source into `folder`, changed by `change`; golden vectors and the like are another bundle's."""
    estimator = source.estimator
    around = Surroundings(source.scaler, source.target_scaler)
    built = build_estimator(estimator, around, 20, source.decision, lambda _: None)
    if change is not None:
        change(built.model)
    (folder / "model.onnx").write_bytes(built.model.SerializeToString())
    shape = ("batch", estimator.spec.input_shape[0])
    metadata = replace(
        open_bundle(GOOD).metadata,
        inputs=(TensorSpec("input", "float32", shape),),
        outputs=built.outputs,
        decision=source.decision,
        non_finite=estimator.spec.non_finite,
    )
    return Bundle(folder, metadata)


@pytest.fixture(name="random_forest")
def random_forest_fixture() -> Callable[..., Forest]:
    """Return `random_forest`."""
    return random_forest


@pytest.fixture(name="ends")
def ends_fixture() -> Callable[..., np.ndarray]:
    """Return `ends`."""
    return ends


@pytest.fixture(name="fake_estimator")
def fake_estimator_fixture() -> type[FakeEstimator]:
    """The class of estimators whose framework is numpy."""
    return FakeEstimator


@pytest.fixture(name="tree_source")
def tree_source_fixture() -> Callable[..., EstimatorSource]:
    """Return `tree_source`."""
    return tree_source


@pytest.fixture(name="bundle_of")
def bundle_of_fixture(tmp_path: Path) -> Callable[..., Bundle]:
    """Return `bundle_of(source, change=…)`."""
    return lambda source, change=None: bundle_of(source, tmp_path, change)

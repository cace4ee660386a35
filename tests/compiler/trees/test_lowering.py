"""Every link's outputs against the formulas in float64, and decisions taken from sums and not from rounded outputs."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest

from dwcpc.compiler.graphs.built import Surroundings
from dwcpc.compiler.graphs.estimators import build_estimator
from dwcpc.compiler.metadata import Decision, SessionSettings
from dwcpc.compiler.ort_session import open_session
from dwcpc.compiler.scalers import Scaler
from dwcpc.compiler.sources.base import ModelSpec
from dwcpc.compiler.trees.ensemble import TreeEnsemble
from dwcpc.compiler.trees.lowering import largest_anomalous_depth, sums_are_exact_in_float32

FEATURES, TREES, ROWS = 5, 30, 200
HALF_ULP = 2.0**-24


@dataclass(frozen=True)
class Loaded:
    """As much of an estimator as building its graph asks for."""

    core: TreeEnsemble
    scalers: tuple = ()
    task: str = "classification"
    non_finite: str = "answered"

    @property
    def spec(self):
        return ModelSpec("none", "0", "none", "trees", self.task, (FEATURES,), non_finite=self.non_finite)


def built(core, *, decision=None, around=Surroundings(None, None), **options):  # noqa: B008 - frozen
    return build_estimator(Loaded(core, **options), around, 20, decision, lambda _: None)


def answers(graph, rows):
    session = open_session(graph.model.SerializeToString(), SessionSettings())
    names = [tensor.name for tensor in graph.outputs]
    found = dict(zip(names, session.run(names, {"input": rows}), strict=True))
    for tensor in graph.outputs:
        assert found[tensor.name].dtype == tensor.dtype
        assert found[tensor.name].shape == tensor.batched(len(rows))
    return found


def sums(core, leaves, dtype=np.float64):
    total = np.tile(np.array(core.base, dtype), (len(leaves), 1))
    for tree, target in enumerate(core.target):
        total[:, target] += core.forest.value[leaves[:, tree], 0].astype(dtype)
    return total


@pytest.fixture
def forest(grown):
    return grown(TREES, 5, FEATURES, seed=11, missing=True)


@pytest.fixture
def rows(forest, hostile):
    return hostile(forest, ROWS)


def single(forest, link, **options):
    return TreeEnsemble(forest, link, (0.2,), np.zeros(TREES, np.int32), **options)


@pytest.mark.parametrize("adds_in", ["float32", "float64"])
def test_identity_is_the_sum(adds_in, forest, rows, leaves_of):
    core = single(forest, "identity", adds_in=adds_in)
    expected = sums(core, leaves_of(forest, rows), np.dtype(adds_in)).astype(np.float32)
    assert np.array_equal(answers(built(core, task="regression"), rows)["prediction"], expected)


def test_an_average_of_a_regression_is_divided_in_float64(forest, rows, leaves_of):
    core = single(forest, "identity", divisor=TREES)
    expected = (sums(core, leaves_of(forest, rows)) / TREES).astype(np.float32)
    assert np.array_equal(answers(built(core, task="regression"), rows)["prediction"], expected)


@pytest.mark.parametrize(
    ("link", "formula"),
    [("exponential", np.exp), ("logistic", lambda m: 1 / (1 + np.exp(-m)))],
)
def test_links_of_a_regression(link, formula, forest, rows, leaves_of):
    core = single(forest, link)
    expected = formula(sums(core, leaves_of(forest, rows)))
    found = answers(built(core, task="regression"), rows)["prediction"]
    assert np.abs(found / expected - 1).max() < 1.01 * HALF_ULP


def test_a_regression_is_scaled_back(forest, rows, leaves_of):
    core = single(forest, "identity")
    around = Surroundings(None, Scaler("RobustScaler", (20.0,), (3.0,)))
    expected = sums(core, leaves_of(forest, rows)) * 3.0 + 20.0
    found = answers(built(core, around=around, task="regression"), rows)["prediction"]
    assert np.array_equal(found, expected.astype(np.float32))


def test_small_probabilities_keep_their_digits(grown):
    """A Sigmoid that computes 1 − 1 / (1 + exp(x)) below zero has none left at −40."""
    forest = grown(1, 0, FEATURES)
    core = TreeEnsemble(forest, "logistic", (-40.0,), np.zeros(1, np.int32), classes=(0, 1))
    margin = -40.0 + forest.value[0, 0]
    found = answers(built(core), np.zeros((1, FEATURES), np.float32))["probability"][0]
    assert abs(found[1] / np.exp(margin) - 1) < 1.01 * HALF_ULP
    assert found[0] == 1.0


@pytest.mark.parametrize("classes", [(0, 1), (-3, 8), ("good", "bad")])
@pytest.mark.parametrize("slope", [1.0, 2.0])
def test_two_classes_by_the_logistic_function(classes, slope, forest, rows, leaves_of):
    core = single(forest, "logistic", classes=classes, slope=slope, label_above=0.05)
    margin = sums(core, leaves_of(forest, rows))[:, 0]
    found = answers(built(core), rows)
    second = 1 / (1 + np.exp(-slope * margin))
    assert np.abs(found["probability"] - np.stack([1 - second, second], axis=1)).max() < HALF_ULP
    values = classes if isinstance(classes[0], int) else (0, 1)
    assert np.array_equal(found["label"], np.where(margin > 0.05, values[1], values[0]))
    assert len(set(found["label"].tolist())) == 2


def test_the_label_turns_at_the_bound_and_not_at_the_rounded_probability(grown):
    """Margins of ±2⁻³⁰ round to the same probability of one half, and have different labels."""
    rows = np.zeros((1, FEATURES), np.float32)
    forest = grown(1, 0, FEATURES)
    labels, probabilities = [], []
    for offset in (-(2.0**-30), 0.0, 2.0**-30):
        core = TreeEnsemble(forest, "logistic", (offset - forest.value[0, 0],), np.zeros(1, np.int32), classes=(0, 1))
        found = answers(built(core), rows)
        labels.append(int(found["label"][0]))
        probabilities.append(float(found["probability"][0, 1]))
    assert (labels, probabilities) == ([0, 0, 1], [0.5, 0.5, 0.5])


def test_two_classes_by_averaging(grown, hostile, leaves_of):
    forest = grown(TREES, 5, FEATURES, values=2, seed=3)
    share = 1 / (1 + np.exp(-forest.value[:, 1:]))
    value = np.where(forest.is_split[:, None], 0.0, np.concatenate([1 - share, share], axis=1))
    forest = type(forest)(
        forest.features, forest.roots, forest.feature, forest.threshold, forest.left, forest.right,
        forest.missing_left, value,
    )  # fmt: skip
    core = TreeEnsemble(
        forest, "average", (0.0, 0.0), np.zeros(TREES, np.int32), divisor=TREES, label_above=0.5, classes=(0, 1)
    )
    rows = hostile(forest, ROWS)
    leaves = leaves_of(forest, rows)
    total = np.zeros(ROWS)
    for tree in range(TREES):
        total += value[leaves[:, tree], 1]
    found = answers(built(core), rows)
    assert np.array_equal(found["probability"][:, 1], (total / TREES).astype(np.float32))
    assert np.array_equal(found["probability"][:, 0], (1 - total / TREES).astype(np.float32))
    assert np.array_equal(found["label"], total / TREES > 0.5)


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("classes", [(0, 1, 2), (-4, 9, 0), ("a", "b", "c")])
def test_several_classes_by_averaging_have_scikit_learns_bits(classes, missing, grown, hostile, leaves_of):
    forest = grown(TREES, 6, FEATURES, values=3, seed=7, missing=missing)
    power = np.exp(forest.value)
    value = np.where(forest.is_split[:, None], 0.0, power / power.sum(axis=1, keepdims=True))
    forest = dataclasses.replace(forest, value=value)
    core = TreeEnsemble(forest, "average", (0.0,) * 3, np.zeros(TREES, np.int32), divisor=TREES, classes=classes)
    rows = hostile(forest, ROWS)
    leaves = leaves_of(forest, rows)
    total = np.zeros((ROWS, 3))
    for tree in range(TREES):
        total += value[leaves[:, tree]]
    total /= TREES
    found = answers(built(core), rows)
    assert np.array_equal(found["probability"], total.astype(np.float32))
    values = np.array(classes if isinstance(classes[0], int) else (0, 1, 2))
    assert np.array_equal(found["label"], values[total.argmax(axis=1)])
    assert len(set(found["label"].tolist())) == 3


@pytest.mark.parametrize("classes", [(0, 1, 2), (5, -1, 2), ("a", "b", "c")])
@pytest.mark.parametrize("adds_in", ["float32", "float64"])
def test_several_classes_by_softmax(adds_in, classes, forest, rows, leaves_of):
    target = (np.arange(TREES) % 3).astype(np.int32)
    core = TreeEnsemble(forest, "softmax", (0.1, 0.2, -0.1), target, adds_in=adds_in, classes=classes)
    margins = sums(core, leaves_of(forest, rows), np.dtype(adds_in))
    power = np.exp(margins.astype(np.float64) - margins.max(axis=1, keepdims=True))
    found = answers(built(core), rows)
    allowed = HALF_ULP if adds_in == "float64" else 3 * HALF_ULP  # rounded twice more on the way, as XGBoost does
    assert np.abs(found["probability"] - power / power.sum(axis=1, keepdims=True)).max() < allowed
    values = np.array(classes if isinstance(classes[0], int) else (0, 1, 2))
    assert np.array_equal(found["label"], values[margins.argmax(axis=1)])


def test_equal_float32_probabilities_go_to_the_first_class_as_in_xgboost(grown):
    """The second margin is larger by one float32, which the probabilities do not show."""
    forest = grown(1, 0, FEATURES)
    base = (100.0, float(np.nextafter(np.float32(100.0), np.float32(np.inf))), -100.0)
    lone = float(forest.value[0, 0])
    core = TreeEnsemble(
        forest, "softmax", (*base[:2], base[2] - lone), np.array([2], np.int32), adds_in="float32", classes=(0, 1, 2)
    )
    found = answers(built(core), np.zeros((1, FEATURES), np.float32))
    first, second = found["probability"][0, :2]
    assert found["label"][0] == (1 if second > first else 0)


@pytest.mark.parametrize(
    ("threshold", "comparison"), [(-0.5, "<="), (-0.5, "<"), (-0.9, "<="), (-1.0, "<="), (0.5, "<=")]
)
def test_isolation_gives_score_decision_value_and_flag(threshold, comparison, forest, rows, leaves_of):
    deep = type(forest)(
        forest.features, forest.roots, forest.feature, forest.threshold, forest.left, forest.right,
        forest.missing_left, np.where(forest.is_split[:, None], 0.0, np.abs(forest.value)),
    )  # fmt: skip
    core = TreeEnsemble(deep, "isolation", (0.0,), np.zeros(TREES, np.int32), divisor=TREES * 0.8)
    depth = sums(core, leaves_of(deep, rows))[:, 0]
    score = -(2.0 ** -(depth / core.divisor))
    decision = Decision("anomaly_score", "", threshold, comparison, "anomaly")
    found = answers(built(core, decision=decision, task="anomaly_detection"), rows)
    assert np.abs(found["anomaly_score"] / score - 1).max() < 1.01 * HALF_ULP
    assert np.abs(found["decision_value"] - (score - threshold)).max() < HALF_ULP
    expected = score < threshold if comparison == "<" else score <= threshold
    assert np.array_equal(found["anomaly"], expected)


@pytest.mark.parametrize("comparison", ["<", "<="])
def test_the_largest_anomalous_depth_is_where_the_score_crosses(comparison):
    rng = np.random.default_rng(0)
    for _ in range(50):
        divisor, depth = rng.uniform(1, 2000), rng.uniform(0, 3000)
        threshold = float(-(2.0 ** -(np.array([depth]) / divisor))[0])
        bound = largest_anomalous_depth(Decision("s", "", threshold, comparison), divisor)

        def is_anomaly(at, divisor=divisor, threshold=threshold):
            score = -(2.0 ** -(np.array([at]) / divisor))[0]
            return score < threshold if comparison == "<" else score <= threshold

        assert is_anomaly(bound)
        assert not is_anomaly(np.nextafter(bound, np.inf))
        assert (bound >= depth) == (comparison == "<=")


def test_no_depth_and_every_depth():
    assert largest_anomalous_depth(Decision("s", "", -1.5, "<="), 10.0) == -np.inf
    assert largest_anomalous_depth(Decision("s", "", 0.0, "<="), 10.0) == np.inf


@pytest.mark.parametrize(
    ("values", "trees", "exact"),
    [
        ([0.0, 1.0], 300, True),
        ([0.0, 1.0], 2**24 - 1, True),
        ([0.0, 1.0], 2**24, False),  # with the base there is one more to add
        ([0.25, 0.75, 1.0], 300, True),
        ([0.25, 1 / 3], 3, False),
        ([2.0**-20, 1.0], 4, True),
        ([2.0**-20, 1.0], 300, False),
        ([-3.0, 2.5], 100, True),
        ([0.0], 5, True),
    ],
)
def test_sums_are_exact_in_float32_where_nothing_is_ever_rounded(values, trees, exact):
    leaves = np.array(values)[:, None]
    forest = SimpleNamespace(value=leaves, is_split=np.zeros(len(values), bool), trees=trees)
    assert sums_are_exact_in_float32(SimpleNamespace(forest=forest, base=(0.0,)), 0) == exact


def test_votes_of_pure_leaves_are_added_in_float32_to_the_same_bits(grown, hostile, leaves_of):
    forest = grown(TREES, 6, FEATURES, values=2, seed=9)
    vote = (forest.value[:, :1] > 0).astype(float)
    forest = dataclasses.replace(forest, value=np.where(forest.is_split[:, None], 0.0, np.hstack([1 - vote, vote])))
    core = TreeEnsemble(
        forest, "average", (0.0, 0.0), np.zeros(TREES, np.int32), divisor=TREES, label_above=0.5, classes=(0, 1)
    )
    rows = hostile(forest, ROWS)
    share = forest.value[leaves_of(forest, rows), 1].sum(axis=1) / TREES
    graph = built(core)
    found = answers(graph, rows)
    assert np.array_equal(found["probability"], np.stack([1 - share, share], axis=1).astype(np.float32))
    assert np.array_equal(found["label"], share > 0.5)
    assert (share == 0.5).any()  # ties go to the first class
    assert graph.model.graph.node[0].op_type == "TreeEnsemble"

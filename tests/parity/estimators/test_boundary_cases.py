"""Rows on splits: they reach the split, and the smallest step there is takes them to another leaf."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dwcpc.compiler.min_max import MinMaxScaling
from dwcpc.compiler.scalers import Scaler
from dwcpc.compiler.trees.forest import LEAF, Forest
from dwcpc.parity.estimators.boundary_cases import MOST_CONTEXTS, BoundaryCases, Surface, boundary_cases
from dwcpc.parity.estimators.feature_ranges import ranges_of_splits, raw_forest
from dwcpc.parity.runners.estimator_source import EstimatorSource

SEED = 3
SCALER = Scaler("RobustScaler", (0.0, 12.0, -3.0, 5e6, 0.25), (1.0, 6.4e-7, 73.9, 2e6, 1e-3))
MIN_MAX = MinMaxScaling((0.5, 2.0, 1.0, 1e-3, 1.0), (0.1, 0.0, -0.5, 0.2, 0.0))
CLIPPING = replace(MIN_MAX, limits=(0.0, 1.0))
SURROUNDINGS = {
    "alone": {},
    "scaler": {"scaler": SCALER},
    "pipeline": {"scalers": (SCALER,)},
    "two scalers": {"scaler": SCALER, "scalers": (MIN_MAX,)},
    "clipping": {"scalers": (CLIPPING,)},
    "missing": {"missing": 0.5},
    "missing behind a scaler": {"missing": 0.0, "scaler": SCALER},
    "nothing missing": {"non_finite": "propagated"},
}


def cases_of(source: EstimatorSource, contexts: int = 400, seed: int = SEED, **changed: Any) -> BoundaryCases | None:
    raw = raw_forest(source.forest, source.scalers)
    ranges = ranges_of_splits(raw, source.scalers)
    surface = Surface(raw, ranges.draw, ranges.reach, source.is_asked, source.is_missing, source.answers_non_finite)
    return boundary_cases(replace(surface, **changed), contexts, seed)


def sides_differ(source: EstimatorSource, cases: BoundaryCases) -> np.ndarray:
    leaves = source.leaves(cases.case.rows)
    tree = source.forest.tree_of[cases.node]
    return leaves[cases.at, tree] != leaves[cases.above, tree]


def one_tree(*nodes: tuple[float, ...], features: int = 2) -> Forest:
    """Return a tree of (feature, threshold, left, right, missing_left), leaves being (LEAF,)."""
    full = [(*node, 0.0, -1, -1, 0)[:5] if len(node) == 1 else node for node in nodes]
    feature, threshold, left, right, missing = (np.array(column) for column in zip(*full, strict=True))
    value = np.arange(len(nodes), dtype=np.float64)[:, None]
    types = (np.int32, np.float32, np.int32, np.int32, bool)
    arrays = [
        column.astype(kind) for column, kind in zip((feature, threshold, left, right, missing), types, strict=True)
    ]
    return Forest(features, np.zeros(1, np.int32), *arrays, value)


@pytest.mark.parametrize("surroundings", SURROUNDINGS.values(), ids=SURROUNDINGS)
def test_the_two_sides_of_every_split_end_in_different_leaves(tree_source: Callable, surroundings: dict) -> None:
    source = tree_source(**surroundings)
    cases = cases_of(source)
    assert len(cases.at) > 50
    assert sides_differ(source, cases).all()


@pytest.mark.parametrize("surroundings", [SURROUNDINGS["alone"], SURROUNDINGS["two scalers"]])
def test_the_sides_are_neighbouring_numbers_and_differ_in_nothing_else(
    tree_source: Callable, surroundings: dict
) -> None:
    source = tree_source(**surroundings)
    cases = cases_of(source)
    rows, at = cases.case.rows, cases.at
    feature, threshold = source.forest.feature[cases.node], source.forest.threshold[cases.node]
    index = np.arange(len(at))
    on, above, below = rows[at], rows[cases.above], rows[at + 2]
    np.testing.assert_array_equal(np.nextafter(on[index, feature], np.float32(np.inf)), above[index, feature])
    np.testing.assert_array_equal(np.nextafter(on[index, feature], np.float32(-np.inf)), below[index, feature])
    assert (source.scaled(on)[index, feature] <= threshold).all()
    assert (source.scaled(above)[index, feature] > threshold).all()
    for other in (above, below):
        differs = (on != other) & ~(np.isnan(on) & np.isnan(other))
        differs[index, feature] = False
        assert not differs.any()


def test_rows_at_random_are_hardly_ever_on_a_split(tree_source: Callable) -> None:
    source = tree_source()
    cases = cases_of(source)
    rng = np.random.default_rng(SEED)
    moved = cases.case.rows.copy()
    moved[np.isfinite(moved)] += rng.normal(size=moved.shape)[np.isfinite(moved)].astype(np.float32) / 10
    moved[cases.above] = np.nextafter(moved[cases.at], np.float32(np.inf))
    assert sides_differ(source, replace(cases, case=replace(cases.case, rows=moved))).mean() < 0.1


def test_every_split_has_contexts_while_there_are_enough_and_few_have_several(tree_source: Callable) -> None:
    source = tree_source(scaler=SCALER)
    splits = int(source.forest.is_split.sum())
    counted = np.unique(cases_of(source, 3 * splits).node, return_counts=True)[1]
    assert set(counted.tolist()) == {3}
    many = cases_of(source, 10**6)
    assert len(many.at) == MOST_CONTEXTS * len(np.unique(many.node))
    rows = many.case.rows[many.at[many.node == many.node[0]]]
    assert len(np.unique(rows, axis=0)) > MOST_CONTEXTS // 2  # and they are not the same


def test_more_splits_than_contexts_are_sampled_by_the_seed(tree_source: Callable) -> None:
    source = tree_source()
    first, again, other = (cases_of(source, 20, seed) for seed in (SEED, SEED, SEED + 1))
    assert first.chosen == 20
    assert 10 < len(set(first.node.tolist())) == len(first.node)
    np.testing.assert_array_equal(first.case.rows, again.case.rows)
    assert set(first.node.tolist()) != set(other.node.tolist())


def test_nan_stands_on_some_splits_where_the_model_answers_it(tree_source: Callable) -> None:
    cases = cases_of(tree_source())
    assert 0 < np.isnan(cases.case.rows).any(axis=1).sum() <= len(cases.at)
    assert np.isfinite(cases_of(tree_source(non_finite="propagated")).case.rows).all()


def test_zeros_have_either_sign(tree_source: Callable) -> None:
    forest = one_tree((0, 0.0, 1, 2, 0), (LEAF,), (LEAF,))
    for zero in (0.0, -0.0):
        forest.threshold[0] = zero
        source = tree_source(forest=forest)
        cases = cases_of(source)
        assert sides_differ(source, cases).all()
        on = cases.case.rows[cases.at, 0]
        assert set(np.signbit(on).tolist()) == {True, False}
        assert (on == 0).all()


def test_splits_that_no_finite_row_lies_on_are_left_out(tree_source: Callable) -> None:
    # Node 3 asks for x0 > 1 below x0 <= 0; node 2 has infinity for a threshold.
    forest = one_tree((0, 0.0, 1, 2, 0), (0, 1.0, 3, 4, 0), (1, np.inf, 5, 6, 0), (LEAF,), (LEAF,), (LEAF,), (LEAF,))
    cases = cases_of(tree_source(forest=forest))
    assert set(cases.node.tolist()) == {0}
    assert cases.chosen == 3
    only = one_tree((0, np.inf, 1, 2, 0), (LEAF,), (LEAF,))
    assert cases_of(tree_source(forest=only)) is None


def test_a_split_that_only_a_missing_value_reaches_gets_one(tree_source: Callable) -> None:
    # scikit-learn splits "missing or not" by a threshold of infinity: numbers go left, NaN goes right.
    forest = one_tree((0, np.inf, 1, 2, 0), (LEAF,), (1, 0.5, 3, 4, 0), (LEAF,), (LEAF,))
    source = tree_source(forest=forest)
    cases = cases_of(source)
    assert set(cases.node.tolist()) == {2}
    assert np.isnan(cases.case.rows[cases.at, 0]).all()
    assert sides_differ(source, cases).all()
    assert cases_of(tree_source(forest=forest, non_finite="propagated")) is None


def test_unlinked_nodes_are_no_splits_even_in_a_circle(tree_source: Callable) -> None:
    forest = one_tree((0, 0.0, 1, 2, 0), (LEAF,), (LEAF,), (0, 1.0, 4, 5, 0), (1, 1.0, 3, 6, 0), (LEAF,), (LEAF,))
    assert set(cases_of(tree_source(forest=forest)).node.tolist()) == {0}


def test_rows_that_the_source_does_not_answer_are_left_out(tree_source: Callable) -> None:
    source = tree_source(non_finite="propagated")
    cases = cases_of(source, is_asked=lambda rows: rows[:, 0] < 0)
    assert (cases.case.rows[cases.at, 0] < 0).all()
    assert sides_differ(source, cases).all()


def test_values_off_the_path_are_ordinary_rows_as_they_are(tree_source: Callable) -> None:
    source = tree_source(forest=one_tree((0, 0.0, 1, 2, 0), (LEAF,), (LEAF,)))
    ordinary = np.float32([[9.0, 7.5]])
    cases = cases_of(source, ordinary=lambda _rng, rows: np.repeat(ordinary, rows, axis=0))
    assert set(cases.case.rows[:, 1].tolist()) == {7.5}

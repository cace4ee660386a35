"""The rows drawn for trees: the values that go wrong first are in them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dwcpc.compiler.scalers import Scaler
from dwcpc.parity.estimators.feature_ranges import ranges_of_splits, raw_forest
from dwcpc.parity.estimators.tree_cases import tree_cases
from dwcpc.parity.runners.estimator_source import EstimatorSource

SCALER = Scaler("RobustScaler", (0.0, 12.0, -3.0, 5e6, 0.25), (1.0, 0.5, 73.9, 2e6, 1e-3))


def drawn(source: EstimatorSource, rows: int = 512, seed: int = 1) -> dict[str, np.ndarray]:
    ranges = ranges_of_splits(raw_forest(source.forest, source.scalers), source.scalers)
    return {case.name: case.rows for case in tree_cases(source, ranges, rows, seed, None)}


def test_groups_have_their_shares_and_the_seed_decides(tree_source: Callable) -> None:
    source = tree_source()
    groups, again, other = drawn(source), drawn(source), drawn(source, seed=2)
    assert {name: len(rows) for name, rows in groups.items()} == {
        "typical": 256,
        "wide": 64,
        "special": 64,
        "missing": 32,
    }
    for name, rows in groups.items():
        np.testing.assert_array_equal(rows, again[name])
        assert not np.array_equal(rows, other[name], equal_nan=True)


def test_ordinary_rows_spread_over_most_leaves(tree_source: Callable) -> None:
    source = tree_source()
    leaves = source.leaves(drawn(source)["typical"])
    reached = [len(np.unique(column)) for column in leaves.T]
    possible = source.leaves(drawn(source, 1 << 15)["wide"])
    assert sum(reached) > 0.7 * sum(len(np.unique(column)) for column in possible.T)


def test_special_rows_hold_zeros_denormals_huge_values_and_one_value_throughout(tree_source: Callable) -> None:
    special = drawn(tree_source(non_finite="propagated"))["special"]
    assert {True, False} == set(np.signbit(special[special == 0]).tolist())
    assert ((special != 0) & (np.abs(special) < np.finfo(np.float32).tiny)).any()
    assert (np.abs(special) == np.finfo(np.float32).max).any()
    assert ((special == special[:, :1]).all(axis=1) & (np.abs(special[:, 0]) > 1e-3)).any()
    assert np.isfinite(special).all()


def test_infinities_and_missing_values_are_for_models_that_answer_them(tree_source: Callable) -> None:
    groups = drawn(tree_source())
    assert np.isposinf(groups["special"]).any()
    assert np.isneginf(groups["special"]).any()
    missing = np.isnan(groups["missing"])
    assert {1, 5} == set(missing.sum(axis=1).tolist())  # one, and all
    assert "missing" not in drawn(tree_source(non_finite="propagated"))


def test_the_value_that_stands_for_a_missing_one_is_there_in_raw_units(tree_source: Callable) -> None:
    source = tree_source(missing=0.5, scaler=SCALER)
    rows = drawn(source)["missing"]
    stands_for = SCALER.transform(rows) == 0.5
    assert (stands_for.sum(axis=1) == 1).any()
    assert stands_for.sum() > 20
    assert source.is_missing(rows).sum() == stands_for.sum()

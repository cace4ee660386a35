"""Feature use counts splits and trees; gain is scikit-learn's and XGBoost's own."""

from __future__ import annotations

import dataclasses

import numpy as np

from dwcpc.compiler.trees.feature_use import feature_use

FEATURES = 6


def test_counts_splits_and_trees_most_used_first(grown):
    forest = grown(9, 4, FEATURES, seed=2)
    found = feature_use(forest)
    assert [use.splits for use in found] == sorted((use.splits for use in found), reverse=True)
    assert sum(use.splits for use in found) == forest.is_split.sum()
    for use in found:
        at = forest.is_split & (forest.feature == use.feature)
        assert use.splits == at.sum()
        assert use.trees == len(set(forest.tree_of[at].tolist()))
        assert use.gain_share is None
    assert {use.feature for use in found} == set(range(FEATURES))


def test_shares_of_the_gain_add_up_and_give_the_order(grown):
    forest = grown(9, 4, FEATURES, seed=2)
    gain = np.where(forest.is_split, np.random.default_rng(0).uniform(size=len(forest.feature)), np.nan)
    found = feature_use(dataclasses.replace(forest, gain=gain))
    shares = [use.gain_share for use in found]
    assert shares == sorted(shares, reverse=True)
    assert abs(sum(shares) - 1) < 1e-12
    first = found[0].feature
    assert abs(shares[0] - np.nansum(gain[forest.feature == first]) / np.nansum(gain)) < 1e-12


def test_a_forest_of_leaves_uses_nothing(grown):
    forest = grown(3, 0, FEATURES)
    assert [use.splits for use in feature_use(forest)] == [0] * FEATURES
    zero = dataclasses.replace(forest, gain=np.zeros(len(forest.feature)))
    assert [use.gain_share for use in feature_use(zero)] == [0.0] * FEATURES

"""Feature use counts splits and trees; gain is scikit-learn's and XGBoost's own."""

from __future__ import annotations

import dataclasses

import joblib
import numpy as np
from sklearn.tree import DecisionTreeClassifier
from xgboost import XGBClassifier

from dwcpc.compiler.artifact import read_artifact
from dwcpc.compiler.sources import source_of
from dwcpc.compiler.sources.base import LoadOptions
from dwcpc.compiler.trees.ensemble import TreeEnsemble
from dwcpc.compiler.trees.feature_use import described_use, feature_use

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


def test_is_told_in_words_without_gain_where_splits_are_random(grown):
    forest = grown(9, 4, FEATURES, seed=2)
    forest = dataclasses.replace(forest, gain=forest.is_split.astype(float))
    boosted = TreeEnsemble(forest, "identity", (0.0,), np.zeros(9, np.int32))
    names = tuple("abcdef")
    lines = dict(described_use(boosted, names))
    assert set(lines) == set(names)
    first = feature_use(forest)[0]
    share = f"{100 * first.splits / forest.is_split.sum():.2f} % of the gain"
    assert lines[names[first.feature]] == f"{first.splits} splits in {first.trees} trees, {share}"
    isolating = described_use(dataclasses.replace(boosted, link="isolation"), ())
    assert isolating[0] == (f"feature_{first.feature}", f"{first.splits} splits in {first.trees} trees")
    alone = dataclasses.replace(boosted, forest=grown(3, 0, FEATURES))
    assert {text for _, text in described_use(alone, ())} == {"not used"}


def test_shares_are_xgboosts_total_gain_and_scikit_learns_importances(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, FEATURES)).astype(np.float32)
    y = (x[:, 1] + 0.5 * x[:, 4] > 0).astype(int)
    classifier = XGBClassifier(n_estimators=12, max_depth=3).fit(x, y)
    classifier.save_model(tmp_path / "model.ubj")
    gains = classifier.get_booster().get_score(importance_type="total_gain")
    found = shares(tmp_path / "model.ubj")
    for name, gain in gains.items():
        assert abs(found[int(name[1:])] - gain / sum(gains.values())) < 1e-6

    tree = DecisionTreeClassifier(max_depth=4).fit(x, y)
    joblib.dump(tree, tmp_path / "tree.pkl")
    found = shares(tmp_path / "tree.pkl")
    np.testing.assert_allclose([found[i] for i in range(FEATURES)], tree.feature_importances_, atol=1e-12)


def shares(path):
    artifact = read_artifact(path)
    forest = source_of(artifact).load(artifact, LoadOptions()).core.forest
    return {use.feature: use.gain_share for use in feature_use(forest)}

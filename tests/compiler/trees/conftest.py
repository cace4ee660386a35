"""Random forests, and an independent walk through them: one row, one node at a time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dwcpc.compiler.trees.forest import LEAF, Forest, checked_forest

PATH = Path("model.pkl")


def grown(trees, depth, features, values=1, *, seed=0, missing=False, lone=0.1, thresholds=None):
    """Return a checked forest of unbalanced random trees; some are a single leaf, some thresholds are alike."""
    rng = np.random.default_rng(seed)
    pool = rng.normal(size=40).astype(np.float32) if thresholds is None else np.asarray(thresholds, np.float32)
    roots, nodes = [], []

    def grow(level, chance):
        index = len(nodes)
        nodes.append(None)
        if level == depth or rng.random() < chance:
            nodes[index] = (LEAF, 0.0, -1, -1, False, rng.normal(size=values))
            return index
        left = grow(level + 1, 0.2)
        right = grow(level + 1, 0.2)
        feature, threshold = rng.integers(features), rng.choice(pool)
        nodes[index] = (feature, threshold, left, right, missing and rng.random() < 0.5, np.zeros(values))
        return index

    for _ in range(trees):
        roots.append(grow(0, lone))
    feature, threshold, left, right, missing_left, value = zip(*nodes, strict=True)
    return checked_forest(
        Forest(
            features,
            np.array(roots, np.int32),
            np.array(feature, np.int32),
            np.array(threshold, np.float32),
            np.array(left, np.int32),
            np.array(right, np.int32),
            np.array(missing_left, bool),
            np.array(value, np.float64),
        ),
        PATH,
    )


def leaf_of(forest, tree, row):
    """Return the leaf's index in which `row` ends."""
    node = forest.roots[tree]
    while forest.feature[node] != LEAF:
        x = row[forest.feature[node]]
        goes_left = forest.missing_left[node] if np.isnan(x) else x <= forest.threshold[node]
        node = (forest.left if goes_left else forest.right)[node]
    return node


def leaves_of(forest, rows):
    """Return the leaves [rows, trees]."""
    return np.array([[leaf_of(forest, tree, row) for tree in range(forest.trees)] for row in rows])


def hostile(forest, rows, seed=0):
    """Return rows [rows, features] of values on thresholds, next to them, and at the ends of float32."""
    rng = np.random.default_rng(seed)
    on = forest.threshold[forest.is_split]
    on = np.zeros(1, np.float32) if not len(on) else on
    ends = np.array([np.inf, -np.inf, 0.0, -0.0, 1e-45, -1e-45, 3.4e38, -3.4e38, np.nan], np.float32)
    pool = np.concatenate([on, np.nextafter(on, np.float32(np.inf)), np.nextafter(on, np.float32(-np.inf))])
    chosen = rng.choice(pool, (rows, forest.features))
    return np.where(rng.random(chosen.shape) < 0.1, rng.choice(ends, chosen.shape), chosen).astype(np.float32)


@pytest.fixture(name="grown")
def _grown():
    return grown


@pytest.fixture(name="leaves_of")
def _leaves_of():
    return leaves_of


@pytest.fixture(name="hostile")
def _hostile():
    return hostile

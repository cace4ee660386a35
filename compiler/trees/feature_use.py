"""Which features the trees split on, how often, and what those splits won in training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from dwcpc.compiler.trees.forest import Forest


@dataclass(frozen=True, slots=True)
class FeatureUse:
    """One feature: in how many splits and trees it occurs, and its share of all gain (none: gains are not known)."""

    feature: int
    splits: int
    trees: int
    gain_share: float | None


def feature_use(forest: Forest) -> tuple[FeatureUse, ...]:
    """Return every feature, the most used first: by gain where it is known, else by splits."""
    at = forest.is_split
    feature = forest.feature[at]
    splits = np.bincount(feature, minlength=forest.features)
    distinct = np.unique(np.stack([forest.tree_of[at], feature]), axis=1)[1]
    trees = np.bincount(distinct, minlength=forest.features)
    share = None
    if forest.gain is not None:
        gain = np.bincount(feature, weights=forest.gain[at], minlength=forest.features)
        share = gain / gain.sum() if gain.sum() > 0 else np.zeros(forest.features)
    order = np.argsort(-(splits if share is None else share), kind="stable")
    return tuple(
        FeatureUse(int(i), int(splits[i]), int(trees[i]), None if share is None else float(share[i])) for i in order
    )

"""Which features the trees split on, how often, and what those splits won in training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from dwcpc.compiler.trees.ensemble import TreeEnsemble
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


def described_use(ensemble: TreeEnsemble, names: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return (feature, text) for every feature, `names` being in order or none; no gain where splits are random."""
    lines = []
    for use in feature_use(ensemble.forest):
        name = names[use.feature] if names else f"feature_{use.feature}"
        text = f"{use.splits} splits in {use.trees} trees" if use.splits else "not used"
        if use.splits and use.gain_share is not None and ensemble.link != "isolation":
            text += f", {100 * use.gain_share:.2f} % of the gain"
        lines.append((name, text))
    return lines

"""Golden feature vectors: raw windows of every kind, and the features that Python's executor computes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dwcpc.compiler.features.raw_windows import wide_windows
from dwcpc.compiler.package import FeatureVectors
from dwcpc.parity.features.ranges import window_ranges
from dwcpc.parity.features.windows import window_cases
from dwcpc.parity.reference import CaseRequest

if TYPE_CHECKING:
    from dwcpc.compiler.features.use import FeatureUse
    from dwcpc.parity.runners.estimator_source import EstimatorSource
    from dwcpc.parity.runners.source import SourceModel

WINDOWS_OF_A_GROUP = 4


def feature_vectors(source: SourceModel | EstimatorSource, use: FeatureUse, seed: int) -> FeatureVectors:
    """Return a few windows of each group, whatever the model says to them; categories are places or missing."""
    cases = window_cases(window_ranges(source, use), CaseRequest(rows=1, seed=seed))
    raw = wide_windows(use.spec, np.concatenate([case.rows[-WINDOWS_OF_A_GROUP:] for case in cases]))
    return FeatureVectors(raw, use.features(raw))

"""MinMaxScaler on float32: the bits that scikit-learn computes."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.preprocessing import MinMaxScaler

from dwcpc.compiler.min_max import MinMaxScaling


@pytest.mark.parametrize("options", [{}, {"feature_range": (-3, 7.5)}, {"clip": True}])
def test_gives_scikit_learns_bits(options):
    rng = np.random.default_rng(0)
    data = (rng.normal(size=(2000, 5)) * [1, 1e-6, 1e6, 3, 0]).astype(np.float32)
    fitted = MinMaxScaler(**options).fit(data)
    limits = (0.0, 1.0) if options.get("clip") else None
    ours = MinMaxScaling(tuple(fitted.scale_.tolist()), tuple(fitted.min_.tolist()), limits)
    rows = np.concatenate([data, data * 3, np.full((1, 5), np.nan, np.float32), np.zeros((1, 5), np.float32)])
    assert np.array_equal(ours.transform(rows).view(np.uint32), fitted.transform(rows).view(np.uint32))


def test_rounding_once_instead_of_twice_is_seen():
    scaling = MinMaxScaling((1 / 3,), (0.1,))
    rows = np.random.default_rng(1).normal(size=(1000, 1)).astype(np.float32)
    once = (rows.astype(np.float64) / 3 + 0.1).astype(np.float32)
    assert (scaling.transform(rows) != once).any()

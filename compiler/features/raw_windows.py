"""Raw windows of a model that embeds its features, as the executor takes them: float64, categories as places."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.compiler.features.spec import FeatureSpec


def wide_windows(spec: FeatureSpec, windows: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return `windows` [windows, samples, columns] with NaN for what is no category's place."""
    wide = windows.astype(np.float64)
    for at, column in enumerate(spec.columns):
        if column.is_category:
            places = np.isin(wide[..., at], np.arange(len(column.categories)))
            wide[..., at] = np.where(places, wide[..., at], np.nan)
    return wide

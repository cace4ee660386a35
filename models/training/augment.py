"""More windows of the rarer kinds of anomaly: drawn again, their steps moved and their values jittered."""

from __future__ import annotations

from typing import Final

import numpy as np

from dwcpc.models.data.windows import Windows

LARGEST_SHIFT: Final = 2
"""Steps by which a window's rows are moved; the row at the open end is repeated."""

JITTER: Final = 0.02
"""Standard deviation of the factor on each value."""


def balanced_by_kind(windows: Windows, seed: int) -> Windows:
    """Return `windows` and, behind them, as many changed copies as bring each kind to the most frequent one's count."""
    kinds, counts = np.unique(windows.kind[windows.anomalous], return_counts=True)
    if not len(kinds):
        return windows
    rng = np.random.default_rng(seed)
    drawn = [
        rng.choice(np.flatnonzero(windows.anomalous & (windows.kind == kind)), counts.max() - count)
        for kind, count in zip(kinds, counts, strict=True)
    ]
    copies = windows.taken(np.concatenate(drawn))
    return Windows(
        x=np.concatenate([windows.x, _changed(copies.x, rng)]),
        anomalous_steps=np.concatenate([windows.anomalous_steps, copies.anomalous_steps]),
        group=np.concatenate([windows.group, copies.group]),
        begin=np.concatenate([windows.begin, copies.begin]),
        kind=np.concatenate([windows.kind, copies.kind]),
    )


def _changed(
    x: np.ndarray[tuple[int, int, int], np.dtype[np.float32]], rng: np.random.Generator
) -> np.ndarray[tuple[int, int, int], np.dtype[np.float32]]:
    steps = x.shape[1]
    shift = rng.integers(-LARGEST_SHIFT, LARGEST_SHIFT + 1, (len(x), 1))
    rows = np.clip(np.arange(steps) + shift, 0, steps - 1)
    moved = np.take_along_axis(x, rows[..., None], axis=1)
    return (moved * (1 + JITTER * rng.standard_normal(x.shape))).astype(np.float32)

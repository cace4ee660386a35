"""The rows on which trees are compared, apart from those on their splits: drawn around the model's own thresholds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dwcpc.compiler.trees.fold_scaler import raw_thresholds
from dwcpc.parity.cases import (
    CALIBRATION,
    MISSING,
    SMALLEST_DENORMAL,
    SPECIAL,
    TYPICAL,
    WIDE,
    WIDE_MAGNITUDE,
    CaseGroup,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.parity.estimators.feature_ranges import FeatureRanges
    from dwcpc.parity.runners.estimator_source import EstimatorSource

# Shares of the rows that are drawn; the rest lies where the decision changes, where there is one.
SHARES = {TYPICAL: 0.5, WIDE: 0.125, SPECIAL: 0.125, MISSING: 0.0625}
HUGE = np.float32(3e38)
ZEROS = (0.0, -0.0)
DENORMALS = (SMALLEST_DENORMAL, -SMALLEST_DENORMAL, np.float32(1e-39), np.float32(-1e-39))
FAR_OUT = (HUGE, -HUGE, np.finfo(np.float32).max, np.finfo(np.float32).min)
INFINITE = (np.inf, -np.inf)
SOME = 0.25  # of a row's values


def tree_cases(
    source: EstimatorSource, ranges: FeatureRanges, rows: int, seed: int, calibration: NDArray[np.float32] | None
) -> tuple[CaseGroup, ...]:
    """Return the groups for `rows` rows in all; those where decisions change are made elsewhere.

    `calibration` [n, features], where given, takes the place of the typical rows (all of it, at most their share).
    """
    rng = np.random.default_rng(seed)
    count = {name: max(1, int(rows * share)) for name, share in SHARES.items()}
    groups = []
    if calibration is None:
        groups.append(CaseGroup(TYPICAL, ranges.draw(rng, count[TYPICAL])))
    else:
        chosen = rng.permutation(len(calibration))[: count[TYPICAL]]
        groups.append(CaseGroup(CALIBRATION, np.ascontiguousarray(calibration[chosen])))
    groups.append(CaseGroup(WIDE, ranges.draw(rng, count[WIDE], WIDE_MAGNITUDE)))
    special = _special(rng, ranges.draw(rng, count[SPECIAL]), source.answers_non_finite)
    groups.append(CaseGroup(SPECIAL, special))
    if source.answers_non_finite:
        groups.append(CaseGroup(MISSING, missing_rows(rng, source, ranges.draw(rng, count[MISSING]))))
    return tuple(groups)


def _special(rng: np.random.Generator, rows: NDArray[np.float32], infinite: bool) -> NDArray[np.float32]:
    """Put zeros of either sign, denormals, huge values and infinities in place of some values, one value or all.

    Other rows hold one value throughout.
    """
    kinds = (ZEROS, DENORMALS, FAR_OUT, INFINITE) if infinite else (ZEROS, DENORMALS, FAR_OUT)
    for index, row in enumerate(rows):
        kind, extent = index % (len(kinds) + 1), index // (len(kinds) + 1) % 3
        if kind == len(kinds):
            row[:] = row[rng.integers(len(row))]
        else:
            place = _places(rng, len(row), extent)
            row[place] = rng.choice(np.array(kinds[kind], np.float32), len(place))
    return rows


def missing_rows(rng: np.random.Generator, source: EstimatorSource, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Put NaN, and in every other row the value that also counts as missing, in place of some values, one or all."""
    stand_in = _raw_missing(source, rows.shape[1])
    for index, row in enumerate(rows):
        place = _places(rng, len(row), index // 2 % 3)
        row[place] = stand_in[place] if index % 2 else np.nan
    return rows


def _places(rng: np.random.Generator, values: int, extent: int) -> NDArray[np.int64]:
    """Return one place (extent 0), some (1) or all (2) of `values`."""
    return rng.permutation(values)[: (1, max(1, int(SOME * values)), values)[extent]]


def _raw_missing(source: EstimatorSource, features: int) -> NDArray[np.float32]:
    """Return the raw value [features] that the scalers take to the model's `missing`; NaN where there is none."""
    none = np.full(features, np.nan, np.float32)
    if source.missing is None:
        return none
    wanted = np.full(features, source.missing, np.float32)
    raw = raw_thresholds(np.arange(features, dtype=np.int32), wanted, source.scalers)
    return np.where(source.scaled(raw[None])[0] == wanted, raw, none)

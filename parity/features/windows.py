"""The raw windows on which a model with its features is compared; those at the threshold are made elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dwcpc.parity.cases import (
    BOUNDARY,
    CALIBRATION,
    EXTREME,
    EXTREME_MAGNITUDE,
    MISSING,
    NON_FINITE_ROWS,
    SHORT,
    SMALLEST_DENORMAL,
    SPECIAL,
    TYPICAL,
    WIDE,
    WIDE_MAGNITUDE,
    CaseGroup,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.compiler.trees.forest import Forest
    from dwcpc.parity.features.ranges import WindowRanges
    from dwcpc.parity.reference import CaseRequest

SHARES = {TYPICAL: 0.4, WIDE: 0.1, EXTREME: 0.05, SHORT: 0.15, SPECIAL: 0.05, MISSING: 0.1}
SIDES = 3  # of a split: at it, and the numbers on both sides
# Features of a window of one value, that are that value.
ON_A_CONSTANT = ("copy", "lag", "rolling_mean", "rolling_min", "rolling_max")


def window_cases(ranges: WindowRanges, request: CaseRequest) -> tuple[CaseGroup, ...]:
    """Return the groups for `request.rows` windows in all."""
    rng = np.random.default_rng(request.seed)
    count = {name: max(8, int(request.rows * share)) for name, share in SHARES.items()}
    first = CaseGroup(TYPICAL, ranges.draw(rng, count[TYPICAL]))
    if request.calibration is not None:
        chosen = rng.permutation(len(request.calibration))[: count[TYPICAL]]
        first = CaseGroup(CALIBRATION, np.ascontiguousarray(request.calibration[chosen]))
    return (
        first,
        CaseGroup(WIDE, ranges.draw(rng, count[WIDE], WIDE_MAGNITUDE)),
        CaseGroup(EXTREME, ranges.draw(rng, count[EXTREME], EXTREME_MAGNITUDE)),
        CaseGroup(SHORT, _short(rng, ranges, ranges.draw(rng, count[SHORT]))),
        CaseGroup(SPECIAL, _special(rng, ranges, ranges.draw(rng, count[SPECIAL]))),
        CaseGroup(MISSING, _missing(rng, ranges, ranges.draw(rng, count[MISSING]))),
    )


def split_windows(ranges: WindowRanges, forest: Forest, count: int, seed: int) -> CaseGroup | None:
    """Return windows in which one column has one value, on a split of `forest` (raw thresholds) or next to it.

    None where no feature that is split on has its column's value then. Whether such a window reaches the split is left
    to chance.
    """
    rng = np.random.default_rng(seed)
    columns = _columns_on_a_constant(ranges)
    splits = np.flatnonzero(forest.is_split & np.isin(forest.feature, list(columns)) & np.isfinite(forest.threshold))
    if not len(splits):
        return None
    chosen = rng.choice(splits, max(1, count // SIDES))
    windows = np.repeat(ranges.draw(rng, len(chosen)), SIDES, axis=0)
    for at, split in enumerate(chosen):
        value = forest.threshold[split]
        beside = np.nextafter(value, np.array([np.inf, -np.inf], np.float32))
        column = columns[int(forest.feature[split])]
        windows[SIDES * at : SIDES * (at + 1), :, column] = np.array([value, *beside], np.float32)[:, None]
    return CaseGroup(BOUNDARY, windows)


def refused_windows(typical: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    """Return windows that may make features which are not finite: NaN and infinities in the last samples, or in all."""
    rng = np.random.default_rng(seed)
    windows = np.resize(typical, (2 * NON_FINITE_ROWS, *typical.shape[1:])).copy()
    for index, window in enumerate(windows):
        value = np.float32((np.nan, np.inf, -np.inf)[index % 3])
        if index % 4 == 3:
            window[:] = value
        else:
            window[-1, rng.permutation(window.shape[1])[: 1 if index % 2 else max(1, window.shape[1] // 2)]] = value
    return windows


def _columns_on_a_constant(ranges: WindowRanges) -> dict[int, int]:
    """Return, by feature, the column whose value it has in a window of one value."""
    spec = ranges.use.spec
    columns = {column.name: at for at, column in enumerate(spec.columns) if not column.is_category}
    outputs = [step for step in spec.steps if step.output]
    return {
        at: columns[step.sources[0]]
        for at, step in enumerate(outputs)
        if step.op in ON_A_CONSTANT and step.sources[0] in columns
    }


def _short(rng: np.random.Generator, ranges: WindowRanges, windows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Let histories begin within the windows: every other one within the lookback."""
    samples, lookback = windows.shape[1], ranges.use.spec.lookback
    for index, window in enumerate(windows):
        latest = lookback if index % 2 and lookback else samples - 1
        window[: rng.integers(1, latest + 1) if latest else 0] = np.nan
    return windows


def _special(rng: np.random.Generator, ranges: WindowRanges, windows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Make windows of one sample repeated, with zeros of either sign, with denormals and with one value far out."""
    numbers = _number_columns(ranges)
    for index, window in enumerate(windows):
        kind = index % 4
        if kind == 0:
            window[:] = window[-1]
        elif kind == 3:
            window[rng.integers(len(window)), rng.choice(numbers)] *= np.float32(rng.choice((-5.0, 5.0, 50.0)))
        else:
            place = np.ix_(np.flatnonzero(rng.random(len(window)) < 0.5), numbers[rng.random(len(numbers)) < 0.5])
            values = (0.0, -0.0) if kind == 1 else (SMALLEST_DENORMAL, -SMALLEST_DENORMAL)
            window[place] = rng.choice(np.array(values, np.float32), window[place].shape)
    return windows


def _missing(rng: np.random.Generator, ranges: WindowRanges, windows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Lose one value, some or most of them; put infinities among them, and what is no category's place."""
    numbers = _number_columns(ranges)
    for index, window in enumerate(windows):
        lost = rng.random(window.shape) < (1 / window.size, 0.1, 0.7)[index % 3]
        window[lost] = np.nan
        if index % 4 == 3:
            window[rng.integers(len(window)), rng.choice(numbers)] = rng.choice((np.inf, -np.inf))
        for at, column in enumerate(ranges.use.spec.columns):
            if column.is_category and index % 2:
                window[rng.integers(len(window)) :, at] = rng.choice((-1.0, 0.5, len(column.categories), np.nan))
    return windows


def _number_columns(ranges: WindowRanges) -> NDArray[np.int64]:
    columns = [at for at, column in enumerate(ranges.use.spec.columns) if not column.is_category]
    return np.array(columns or [0])

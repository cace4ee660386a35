"""Rolling statistics of all columns at once: [batch, timesteps, window, columns], summed along the window.

    s = 0.0 + valid values, oldest first;  n their count;  m = s / n
    q = 0.0 + (x − m)·(x − m), where not all x are equal, else 0;  std = √(q / (n − ddof))

CumSum adds in the order of its axis, where ReduceSum adds as it likes, and its last row is the sum. The first row of
the window is none of its samples and counts as invalid, for the 0.0 in front: of zeros with a sign only −0 would be
left. So shorter windows stand beside longer ones, with rows in front that are invalid as well. Where n = 0 or n = ddof,
the divisions give the NaN that is asked for, and min_periods, at least 1, sees to n < ddof.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto

from dwcpc.compiler.features.lowering.pool import TIME, Place

if TYPE_CHECKING:
    from dwcpc.compiler.features.lowering.pool import Pool

WINDOW, STATISTIC = 2, 3  # axes
STATISTICS = ("rolling_mean", "rolling_std", "rolling_min", "rolling_max")
# Values in front of shorter windows that cost as much as the nodes of another group: 30 µs at 10 ns a value.
MOST_PADDING = 3000


@dataclass(frozen=True, slots=True)
class Windowed:
    """One column of windows."""

    source: Place
    window: int
    min_periods: int
    ddof: int


def rolled(pool: Pool, asked: Sequence[tuple[str, Windowed]], reach: int) -> list[Place]:
    """Add the nodes and return where each of the `asked` statistics (its op, and of which windows) stands."""
    places: dict[tuple[str, Windowed], Place] = {}
    spread = {windowed for op, windowed in asked if op != "rolling_mean"}
    for group in _grouped(pool, {windowed for _, windowed in asked}, reach):
        group.sort(key=lambda each: each not in spread)
        ops = [op for op in STATISTICS if any(name == op and windowed in group for name, windowed in asked)]
        places |= _Group(pool, group, sum(each in spread for each in group), reach).places(ops)
    return [places[each] for each in asked]


def _grouped(pool: Pool, windows: set[Windowed], reach: int) -> list[list[Windowed]]:
    """Put windows together, longest first, where that is cheaper than nodes and there are samples to fill up with."""
    ordered = sorted(windows, key=lambda each: (-each.window, each.source, each.min_periods, each.ddof))
    groups: list[list[Windowed]] = []
    spare: list[int] = []
    for each in ordered:
        for at, group in enumerate(groups):
            longest = group[0].window
            padding = (pool.timesteps + reach) * (longest - each.window)
            if padding <= spare[at] and pool.history(each.source) >= reach + longest - 1:
                group.append(each)
                spare[at] -= padding
                break
        else:
            groups.append([each])
            spare.append(MOST_PADDING)
    return groups


class _Group:
    """Windows side by side, of which the first `spread` are asked for more than their means."""

    def __init__(self, pool: Pool, group: list[Windowed], spread: int, reach: int) -> None:
        self._pool, self._group, self._spread, self._reach = pool, group, spread, reach
        self._rows = pool.timesteps + reach
        self._longest = max(each.window for each in group)
        self._zero = pool.constant(0.0, "zero")
        self._last = pool.places([self._longest], "last")

    def places(self, ops: list[str]) -> dict[tuple[str, Windowed], Place]:
        """Add the nodes of the statistics `ops` and return where they stand."""
        pool = self._pool
        x = self._windows()
        valid = self._is_valid(x)
        count = self._last_sum(pool.node("Cast", [valid], "valid_ones", to=TensorProto.DOUBLE), "count")
        known: dict[str, str] = {}
        if {"rolling_mean", "rolling_std"} & set(ops):
            known["rolling_mean"] = pool.node("Div", [self._sum(valid, x, "sum"), count], "mean")
        spread_count = self._of_spread(count)
        if {"rolling_min", "rolling_max", "rolling_std"} & set(ops):
            x, valid = self._of_spread(x), self._of_spread(valid)
            known["rolling_min"] = self._extreme(valid, x, "ReduceMin", np.inf)
            known["rolling_max"] = self._extreme(valid, x, "ReduceMax", -np.inf)
        if "rolling_std" in ops:
            known["rolling_std"] = self._std(valid, x, known, spread_count)
        counts = [count if op == "rolling_mean" else spread_count for op in ops]
        columns = [(op, each) for op in ops for each in self._group[: self._width(op)]]
        fewest = pool.constant([each.min_periods for _, each in columns], "min_periods")
        enough = pool.node("GreaterOrEqual", [self._beside(counts), fewest], "enough")
        statistics = self._beside([known[op] for op in ops])
        answered = pool.node("Where", [enough, statistics, pool.constant(np.nan, "nan")], "answered")
        shape = pool.places([0, self._rows, len(columns)], "rolling_shape")
        block = pool.add(pool.node("Reshape", [answered, shape], "rolling"), self._reach, len(columns))
        return {each: Place(block, column) for column, each in enumerate(columns)}

    def _width(self, op: str) -> int:
        return len(self._group) if op == "rolling_mean" else self._spread

    def _of_spread(self, value: str) -> str:
        """Return the first columns of a tensor."""
        if self._spread in (0, len(self._group)):
            return value
        ends = [self._pool.places([end], "spread_end") for end in (0, self._spread, STATISTIC)]
        return self._pool.node("Slice", [value, *ends], "spread")

    def _beside(self, values: list[str]) -> str:
        return values[0] if len(values) == 1 else self._pool.node("Concat", values, "beside", axis=STATISTIC)

    def _windows(self) -> str:
        """Return [batch, timesteps, 1 + window, columns]."""
        pool, before = self._pool, self._longest - 1
        flat = pool.fetch([each.source for each in self._group], self._reach + before, "windowed")
        index = np.arange(self._rows)[:, None] + np.arange(-1, self._longest)
        rows = pool.places(np.maximum(index, 0), "window_rows")
        return pool.node("Gather", [flat, rows], "windows", axis=TIME)

    def _is_valid(self, x: str) -> str:
        """Finite, and no row in front of the window: |x| < ∞ there, and < −∞, which nothing is, before it."""
        pool = self._pool
        lengths = np.array([each.window for each in self._group])
        inside = np.arange(1 + self._longest)[:, None] > self._longest - lengths
        limit = pool.constant(np.where(inside, np.inf, -np.inf), "limit")
        return pool.node("Less", [pool.node("Abs", [x], "size"), limit], "valid")

    def _sum(self, valid: str, values: str, what: str) -> str:
        """Return the sum of valid values, in order."""
        return self._last_sum(self._pool.node("Where", [valid, values, self._zero], f"{what}_terms"), what)

    def _last_sum(self, values: str, what: str) -> str:
        sums = self._pool.node("CumSum", [values, self._pool.places(WINDOW, "axis")], f"{what}s")
        return self._pool.node("Gather", [sums, self._last], what, axis=WINDOW)

    def _extreme(self, valid: str, x: str, op: str, other: float) -> str:
        pool = self._pool
        masked = pool.node("Where", [valid, x, pool.constant(other, "none")], "among")
        return pool.node(op, [masked, pool.places([WINDOW], "axis")], "extreme", keepdims=1)

    def _std(self, valid: str, x: str, known: dict[str, str], count: str) -> str:
        pool = self._pool
        deviation = pool.node("Sub", [x, self._of_spread(known["rolling_mean"])], "deviation")
        squares = self._sum(valid, pool.node("Mul", [deviation, deviation], "square"), "squares")
        are_equal = pool.node("Equal", [known["rolling_min"], known["rolling_max"]], "are_equal")
        exact = pool.node("Where", [are_equal, self._zero, squares], "squares_exact")
        ddof = pool.constant([each.ddof for each in self._group[: self._spread]], "ddof")
        freedom = pool.node("Sub", [count, ddof], "freedom")
        return pool.node("Sqrt", [pool.node("Div", [exact, freedom], "variance")], "std")

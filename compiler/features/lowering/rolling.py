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

WINDOW = 2  # the axis
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
    for group in _grouped(pool, {windowed for _, windowed in asked}, reach):
        ops = [op for op in STATISTICS if any(name == op and windowed in group for name, windowed in asked)]
        block = _Group(pool, group, reach).block(ops)
        for row, op in enumerate(ops):
            places |= {(op, each): Place(block, row * len(group) + at) for at, each in enumerate(group)}
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
    def __init__(self, pool: Pool, group: list[Windowed], reach: int) -> None:
        self._pool, self._group, self._reach = pool, group, reach
        self._rows = pool.timesteps + reach
        self._longest = group[0].window
        self._x = self._windows()
        self._valid = self._is_valid()
        self._zero = pool.constant(0.0, "zero")
        self._last = pool.places([self._longest], "last")

    def block(self, ops: list[str]) -> int:
        """Add the nodes of the statistics `ops` and return their block: all columns of one, then of the next."""
        pool = self._pool
        valid = pool.node("Cast", [self._valid], "valid_ones", to=TensorProto.DOUBLE)
        count = pool.node("ReduceSum", [valid, pool.places([WINDOW], "axis")], "count", keepdims=1)
        known: dict[str, str] = {}
        if {"rolling_min", "rolling_max", "rolling_std"} & set(ops):
            known["rolling_min"] = self._extreme("ReduceMin", np.inf)
            known["rolling_max"] = self._extreme("ReduceMax", -np.inf)
        if {"rolling_mean", "rolling_std"} & set(ops):
            known["rolling_mean"] = pool.node("Div", [self._sum(self._x, "sum"), count], "mean")
        if "rolling_std" in ops:
            known["rolling_std"] = self._std(known, count)
        chosen = [known[op] for op in ops]
        stacked = chosen[0] if len(ops) == 1 else pool.node("Concat", chosen, "statistics", axis=WINDOW)
        fewest = pool.constant([each.min_periods for each in self._group], "min_periods")
        enough = pool.node("GreaterOrEqual", [count, fewest], "enough")
        answered = pool.node("Where", [enough, stacked, pool.constant(np.nan, "nan")], "answered")
        width = len(ops) * len(self._group)
        shape = pool.places([0, self._rows, width], "rolling_shape")
        return pool.add(pool.node("Reshape", [answered, shape], "rolling"), self._reach, width)

    def _windows(self) -> str:
        """Return [batch, timesteps, 1 + window, columns]."""
        pool, before = self._pool, self._longest - 1
        flat = pool.fetch([each.source for each in self._group], self._reach + before, "windowed")
        index = np.arange(self._rows)[:, None] + np.arange(-1, self._longest)
        rows = pool.places(np.maximum(index, 0), "window_rows")
        return pool.node("Gather", [flat, rows], "windows", axis=TIME)

    def _is_valid(self) -> str:
        """Finite, and no row in front of the window: |x| < ∞ there, and < −∞, which nothing is, before it."""
        pool = self._pool
        lengths = np.array([each.window for each in self._group])
        inside = np.arange(1 + self._longest)[:, None] > self._longest - lengths
        limit = pool.constant(np.where(inside, np.inf, -np.inf), "limit")
        return pool.node("Less", [pool.node("Abs", [self._x], "size"), limit], "valid")

    def _sum(self, values: str, what: str) -> str:
        """Return the sum of valid values, in order."""
        pool = self._pool
        masked = pool.node("Where", [self._valid, values, self._zero], f"{what}_terms")
        sums = pool.node("CumSum", [masked, pool.places(WINDOW, "axis")], f"{what}s")
        return pool.node("Gather", [sums, self._last], what, axis=WINDOW)

    def _extreme(self, op: str, other: float) -> str:
        pool = self._pool
        masked = pool.node("Where", [self._valid, self._x, pool.constant(other, "none")], "among")
        return pool.node(op, [masked, pool.places([WINDOW], "axis")], "extreme", keepdims=1)

    def _std(self, known: dict[str, str], count: str) -> str:
        pool = self._pool
        deviation = pool.node("Sub", [self._x, known["rolling_mean"]], "deviation")
        squares = self._sum(pool.node("Mul", [deviation, deviation], "square"), "squares")
        are_equal = pool.node("Equal", [known["rolling_min"], known["rolling_max"]], "are_equal")
        exact = pool.node("Where", [are_equal, self._zero, squares], "squares_exact")
        ddof = pool.constant([each.ddof for each in self._group], "ddof")
        freedom = pool.node("Sub", [count, ddof], "freedom")
        return pool.node("Sqrt", [pool.node("Div", [exact, freedom], "variance")], "std")

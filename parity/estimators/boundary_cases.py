"""Rows on the splits of trees: random rows cannot see a `<` that was taken for a `≤`.

For each chosen split a row is made that reaches it: an ordinary row, of which the values on the path from the root are
moved into the intervals that the path leaves open. On the split's own feature it has, one row each,

    at     the largest float32 that goes left: x <= t, in raw units
    above  the next float32, which goes right
    below  the float32 before `at`
    NaN    in some of the contexts, where the model answers it

so that `at` and `above` end in different leaves of that tree, while everything else about them is the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dwcpc.compiler.float32_order import HIGHEST, LOWEST, from_ordinal, ordinal
from dwcpc.parity.cases import BOUNDARY, CaseGroup

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.compiler.trees.forest import Forest

MOST_CONTEXTS = 32  # around one split
SIDES = 3  # at, above and below
NAN_EVERY = 8  # contexts
VALUES_AT_ONCE = 1 << 22  # of the intervals, which take 17 bytes each
LARGEST = HIGHEST - 1  # the ordinal of the largest finite float32


@dataclass(frozen=True, slots=True)
class Surface:
    """What rows on the splits of `forest` are made of; its thresholds are raw.

    `ordinary` draws rows [count, features] for the values off a path, `spread` [features] is how far values lie from a
    threshold that they need to pass, and `is_asked` says which rows the source has an answer to. `is_missing` says
    which values [rows, features] the source takes for NaN. `answers_nan`: whether it answers NaN at all.
    """

    forest: Forest
    ordinary: Callable[[np.random.Generator, int], NDArray[np.float32]]
    spread: NDArray[np.float64]
    is_asked: Callable[[NDArray[np.float32]], NDArray[np.bool_]]
    is_missing: Callable[[NDArray[np.float32]], NDArray[np.bool_]]
    answers_nan: bool


@dataclass(frozen=True, slots=True)
class BoundaryCases:
    """The rows, and of each context the indices of its rows `at` and `above` and its split `node`.

    `chosen` is how many splits were asked for: no finite row lies on those of them that no context is of.
    """

    case: CaseGroup
    at: NDArray[np.int64]
    above: NDArray[np.int64]
    node: NDArray[np.int64]
    chosen: int


@dataclass(frozen=True, slots=True)
class _Path:
    """What the paths of some contexts leave open: ordinals [contexts, features], open below and closed above.

    `takes_nan`: NaN goes the path's way wherever the path meets the feature.
    """

    low: NDArray[np.int64]
    high: NDArray[np.int64]
    takes_nan: NDArray[np.bool_]

    @property
    def is_empty(self) -> NDArray[np.bool_]:
        return np.asarray(self.low >= self.high)

    @property
    def is_met(self) -> NDArray[np.bool_]:
        return np.asarray((self.low > LOWEST) | (self.high < LARGEST))


def boundary_cases(surface: Surface, contexts: int, seed: int) -> BoundaryCases | None:
    """Return rows on the splits, in `contexts` contexts: on a sample of them, or several for each where they are few.

    None where no finite row lies on any.
    """
    rng = np.random.default_rng(seed)
    splits, parent = _linked(surface.forest)
    chosen = np.resize(rng.permutation(splits), min(contexts, MOST_CONTEXTS * len(splits)))
    step = max(1, VALUES_AT_ONCE // surface.forest.features)
    rows, nodes, at = [np.empty((0, surface.forest.features), np.float32)], [chosen[:0]], [chosen[:0]]
    made = 0
    for start in range(0, len(chosen), step):
        some, reached = _contexts(rng, surface, parent, chosen[start : start + step])
        rows.append(some)
        nodes.append(reached)
        at.append(made + SIDES * np.arange(len(reached)))
        made += len(some)
    if not made:
        return None
    first = np.concatenate(at)
    case = CaseGroup(BOUNDARY, np.concatenate(rows))
    return BoundaryCases(case, first, first + 1, np.concatenate(nodes), len(np.unique(chosen)))


def _linked(forest: Forest) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the splits that have a path from a root, and the parent [nodes] of every node on one, else −1."""
    parent = np.full(len(forest.feature), -1, np.int64)
    is_split, found = forest.is_split, []
    for level in forest.levels():
        inner = level[is_split[level]].astype(np.int64)
        parent[forest.left[inner]] = parent[forest.right[inner]] = inner
        found.append(inner)
    return np.concatenate(found), parent


def _contexts(
    rng: np.random.Generator, surface: Surface, parent: NDArray[np.int64], nodes: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the rows for as many of the splits `nodes` as can be reached, `SIDES` for each, and those splits.

    The rows with NaN follow the others.
    """
    forest = surface.forest
    limits = ordinal(forest.threshold + np.float32(0))  # −0 is no limit: +0 compares equal and comes after it
    path = _path(forest, limits, parent, nodes)
    base = _led(rng, surface, path, surface.ordinary(rng, len(nodes)))
    index, feature, limit = np.arange(len(nodes)), forest.feature[nodes], limits[nodes]
    passable = ~path.is_empty | (path.takes_nan & surface.answers_nan)
    reaches = passable.all(axis=1) & (path.low[index, feature] < limit) & (limit < path.high[index, feature])
    sides = np.repeat(base[:, None], SIDES, axis=1)
    for side, offset in enumerate((0, 1, -1)):
        sides[index, side, feature] = from_ordinal(np.clip(limit + offset, -LARGEST - 1, LARGEST))
    met = path.is_met
    met[index, feature] = True
    for side in (0, 1):
        rows = np.ascontiguousarray(sides[:, side])
        reaches &= surface.is_asked(rows) & ~(surface.is_missing(rows) & met).any(axis=1)
    sides, nodes, feature = sides[reaches], nodes[reaches], feature[reaches]
    made = [sides.reshape(-1, forest.features)]
    if surface.answers_nan:
        unknown = sides[::NAN_EVERY, 0].copy()
        unknown[np.arange(len(unknown)), feature[::NAN_EVERY]] = np.nan
        made.append(unknown)
    return _with_zeros_of_either_sign(rng, np.concatenate(made)), nodes


def _path(forest: Forest, limits: NDArray[np.int64], parent: NDArray[np.int64], nodes: NDArray[np.int64]) -> _Path:
    low = np.full((len(nodes), forest.features), LOWEST, np.int64)
    high = np.full(low.shape, LARGEST, np.int64)
    takes_nan = np.ones(low.shape, bool)
    index, child = np.arange(len(nodes)), nodes
    while len(child):
        above = parent[child]
        index, child, above = index[above >= 0], child[above >= 0], above[above >= 0]
        went_left, place = forest.left[above] == child, (index, forest.feature[above])
        high[place] = np.where(went_left, np.minimum(high[place], limits[above]), high[place])
        low[place] = np.where(went_left, low[place], np.maximum(low[place], limits[above]))
        takes_nan[place] &= forest.missing_left[above] == went_left
        child = above
    return _Path(low, high, takes_nan)


def _led(rng: np.random.Generator, surface: Surface, path: _Path, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Move the values of `rows` that a path does not let through to where it does; NaN where no number can pass."""
    led = rows.copy()
    at = ordinal(rows)
    stopped = (at <= path.low) | (at > path.high) | (surface.is_missing(rows) & path.is_met)
    led[path.is_empty & path.takes_nan & surface.answers_nan] = np.nan
    place = np.nonzero(stopped & ~path.is_empty)
    low, high = path.low[place], path.high[place]
    bottom, top = from_ordinal(low).astype(np.float64), from_ordinal(high).astype(np.float64)
    beyond = surface.spread[place[1]] * rng.standard_exponential(len(low))
    with np.errstate(invalid="ignore"):
        between = bottom + rng.random(len(low)) * (top - bottom)
    drawn = np.where(low == LOWEST, top - beyond, np.where(high == LARGEST, bottom + beyond, between))
    with np.errstate(over="ignore"):
        led[place] = from_ordinal(np.clip(ordinal(drawn.astype(np.float32)), low + 1, high))
    return led


def _with_zeros_of_either_sign(rng: np.random.Generator, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    place = np.nonzero(rows == 0)
    rows[place] = np.where(rng.random(len(place[0])) < 0.5, np.float32(-0.0), np.float32(0.0))
    return rows

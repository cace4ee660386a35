"""Rows that a model answers in a way in which it answers none of the drawn ones, bred from those."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

GENERATIONS = 60
POPULATION = 256
PARENTS = 64
MUTATED = 0.03  # of the values


def bred_rows(
    fitness: Callable[[NDArray[np.float32]], NDArray[np.float64]],
    draw: Callable[[np.random.Generator, int], NDArray[np.float32]],
    rows: NDArray[np.float32],
    seed: int,
) -> NDArray[np.float32]:
    """Return rows whose fitness is above 0, bred from `rows` [n, features] and fresh values of `draw`; maybe none.

    Each child takes its values from two of the fittest rows and some few from a fresh one.
    """
    rng = np.random.default_rng(seed)
    for _ in range(GENERATIONS):
        fit = fitness(rows)
        if (fit > 0).any():
            break
        parents = rows[np.argsort(-fit, kind="stable")[:PARENTS]]
        one, other = rng.choice(parents, POPULATION), rng.choice(parents, POPULATION)
        children = np.where(rng.random(one.shape) < 0.5, one, other)
        mutated = rng.random(one.shape) < MUTATED
        rows = np.concatenate([parents, np.where(mutated, draw(rng, POPULATION), children)])
    return rows[fitness(rows) > 0]

"""Steps that read no sample but the present one."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dwcpc.compiler.features.spec import Clip, Fold, Indicator, OneHot, Periodic, Ratio, Step, WeightedSum

Series = NDArray[np.float64]


def pointwise(step: Step, sources: list[Series], categories: tuple[str, ...]) -> Series:
    """Return the step's values before its fill; `categories` are those of its source, where that is a category."""
    if isinstance(step, OneHot):
        return np.equal(sources[0], categories.index(step.category)).astype(np.float64)
    return COMPUTED[step.op](step, *sources)


def _ratio(step: Ratio, of: Series, by: Series) -> Series:
    return of / (by + step.epsilon)


def _sum(_step: Fold, first: Series, *others: Series) -> Series:
    total = first.copy()
    for other in others:
        total += other
    return total


def _product(_step: Fold, first: Series, *others: Series) -> Series:
    total = first.copy()
    for other in others:
        total *= other
    return total


def _weighted_sum(step: WeightedSum, *sources: Series) -> Series:
    weighted = [
        term.weight * (source if term.per is None else source / term.per)
        for term, source in zip(step.terms, sources, strict=True)
    ]
    total = weighted[0]
    for each in weighted[1:]:
        total += each
    return total


def _indicator(step: Indicator, of: Series) -> Series:
    if step.above is not None:
        return (of > step.above if step.strict else of >= step.above).astype(np.float64)
    below = np.float64(np.inf if step.below is None else step.below)  # a checked step has one of the two
    return (of < below if step.strict else of <= below).astype(np.float64)


def _clip(step: Clip, of: Series) -> Series:
    clipped = of.copy()
    if step.low is not None:
        clipped[of < step.low] = step.low
    if step.high is not None:
        clipped[of > step.high] = step.high
    return clipped


def _periodic(step: Periodic, of: Series) -> Series:
    """The angle is reduced in turns, where that is exact, so that no multiple of π is rounded."""
    turns = of / step.period
    turns = turns - np.floor(turns)
    quarter = np.floor(4.0 * turns + 0.5)
    angle = (turns - quarter / 4.0) * (2.0 * math.pi)
    shift = 0 if step.op == "sin" else 1  # cos a = sin (a + a quarter)
    sine, cosine = np.sin(angle), np.cos(angle)
    return np.select(
        [np.isnan(quarter), *((quarter + shift) % 4 == place for place in range(4))],
        [quarter, sine, cosine, -sine, -cosine],
    )


COMPUTED: dict[str, Callable[..., Series]] = {
    "copy": lambda _step, of: of.copy(),
    "label": lambda _step, of: of.copy(),
    "log1p": lambda _step, of: np.log1p(of),
    "ratio": _ratio,
    "sum": _sum,
    "product": _product,
    "weighted_sum": _weighted_sum,
    "indicator": _indicator,
    "clip": _clip,
    "sin": _periodic,
    "cos": _periodic,
}

"""Raw windows at which the decision changes, found by bisection between windows that differ in numbers alone.

Half of one category and half of another is none, and a model that never saw it is not what is asked about.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from dwcpc.parity.cases import CALIBRATION, TYPICAL, WIDE, CaseGroup
from dwcpc.parity.estimators.bred_rows import bred_rows
from dwcpc.parity.estimators.label_cases import label_cases
from dwcpc.parity.estimators.reference import other_label, other_score
from dwcpc.parity.runners.estimator_source import EstimatorSource
from dwcpc.parity.threshold_cases import PAIRED_ROWS, threshold_cases

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.parity.features.ranges import WindowRanges
    from dwcpc.parity.features.source import WindowSource
    from dwcpc.parity.reference import CaseRequest

ORDINARY = (TYPICAL, CALIBRATION, WIDE)  # groups whose windows are paired
FAMILIES = 8  # of windows with the same categories
FEWEST = 32
CALMER = (0.0, 0.1, 0.25, 0.5)  # of a value's distance from the middle

Near = Callable[["NDArray[np.float32]", int, int], CaseGroup | None]  # of candidates, how many, by which seed


def decides(source: WindowSource, request: CaseRequest) -> bool:
    """Say whether the model decides anything."""
    if isinstance(source.inner, EstimatorSource):
        return source.inner.estimator.spec.task != "regression"
    return request.threshold is not None


def near_the_change(
    source: WindowSource, ranges: WindowRanges, cases: tuple[CaseGroup, ...], request: CaseRequest
) -> CaseGroup | None:
    """Return windows at which the score passes the threshold or the label changes; none where no two differ."""
    candidates = np.concatenate([case.rows[:PAIRED_ROWS] for case in cases if case.name in ORDINARY])
    candidates = candidates[np.isfinite(candidates).all(axis=(1, 2))]
    if isinstance(source.inner, EstimatorSource):
        candidates = _with_bred(source, source.inner, ranges, candidates, request.seed)
    else:
        candidates = np.concatenate([candidates, _calmer(candidates)])
    count = max(FEWEST, request.rows - sum(len(case.rows) for case in cases))
    coded = [at for at, column in enumerate(ranges.use.spec.columns) if column.is_category]
    families = FAMILIES if coded else 1
    near, found = _search(source, request), []
    for family in range(families):
        some = candidates.copy()
        some[..., coded] = candidates[-1 - family * (len(candidates) // families)][..., coded]
        group = near(some[source.is_asked(some)], -(-count // families), request.seed + family)
        found += [] if group is None else [group]
    return CaseGroup(found[0].name, np.concatenate([group.rows for group in found])) if found else None


def _calmer(candidates: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the windows nearer to the middle of them all: an autoencoder may know no others."""
    middle = np.median(candidates.astype(np.float64), axis=(0, 1))
    share = np.resize(CALMER, len(candidates))[:, None, None]
    return (middle + share * (candidates - middle)).astype(np.float32)


def _search(source: WindowSource, request: CaseRequest) -> Near:
    inner = source.inner
    if isinstance(inner, EstimatorSource) and not inner.scored:
        return lambda some, count, seed: label_cases(lambda each: inner.labels(source.rows(each)), some, count, seed)
    threshold = request.threshold
    if isinstance(inner, EstimatorSource) and inner.decision is not None:
        threshold = inner.decision.threshold
    assert threshold is not None  # noqa: S101 - a network decides by one
    limit = threshold
    return lambda some, count, seed: threshold_cases(
        lambda each: inner.score(source.rows(each)), some, limit, count, seed
    )


def _with_bred(
    source: WindowSource, inner: EstimatorSource, ranges: WindowRanges, candidates: NDArray[np.float32], seed: int
) -> NDArray[np.float32]:
    """Add windows on the other side, where none of `candidates` is there."""
    shape = candidates.shape[1:]
    rows = source.rows(candidates)
    fitness = other_score(inner, rows) if inner.scored else other_label(inner, rows)
    if (fitness(rows) > 0).any():
        return candidates
    bred = bred_rows(
        lambda flat: fitness(source.rows(flat.reshape(-1, *shape))),
        lambda rng, count: ranges.draw(rng, count).reshape(count, -1),
        candidates.reshape(len(candidates), -1),
        seed,
    ).reshape(-1, *shape)
    return np.concatenate([candidates, bred[source.is_asked(bred)]])

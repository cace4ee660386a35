"""The reference from raw windows to predictions: Python's executor in float64, then the source model itself.

Features are float32 to the model, and those of the graph are the executor's bit for bit before they are rounded, but
for sin, cos and log1p, which are off by a few units of float64. So the tolerances are those of the model on features.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from dwcpc.compiler.errors import InputError
from dwcpc.parity.cases import CALIBRATION, NON_FINITE_ROWS, TYPICAL, CaseGroup
from dwcpc.parity.estimators.feature_ranges import raw_forest
from dwcpc.parity.estimators.reference import estimator_group
from dwcpc.parity.features.near_the_change import decides, near_the_change
from dwcpc.parity.features.ranges import window_ranges
from dwcpc.parity.features.windows import refused_windows, split_windows, window_cases
from dwcpc.parity.network_reference import finest, network_group
from dwcpc.parity.reference import CaseRequest, Reference, ReferenceGroup
from dwcpc.parity.runners.estimator_source import EstimatorSource

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.compiler.sources.base import Precision
    from dwcpc.parity.features.source import WindowSource

NOT_CHANGED = "no window is on the other side of the decision: windows near it were not tested"
ALL_FINITE = "no window was found whose features are not finite: that such ones are refused was not tested"
FEWEST_WINDOWS = 8  # of a group of a network's, whose tolerances are statistics of the group


def make_window_reference(source: WindowSource, request: CaseRequest, progress: Callable[[str], None]) -> Reference:
    """Draw the windows, compute their features, and run the source model on them."""
    ranges = window_ranges(source.inner, source.use)
    cases = _asked(source, window_cases(ranges, request))
    if not cases or cases[0].name not in (TYPICAL, CALIBRATION):
        raise InputError(
            f"{source.use.spec.name}: the features of ordinary windows are not finite, which the model refuses; give "
            "--calibration with raw windows, or fill the steps that divide by 0 or have no value"
        )
    notes: tuple[str, ...] = ()
    if decides(source, request):
        progress("windows at the threshold")
        near = near_the_change(source, ranges, cases, request)
        cases, notes = (cases, (NOT_CHANGED,)) if near is None else ((*cases, *_asked(source, (near,))), ())
    forest = source.inner.forest if isinstance(source.inner, EstimatorSource) else None
    if forest is not None and isinstance(source.inner, EstimatorSource):
        on_splits = split_windows(ranges, raw_forest(forest, source.inner.scalers), request.rows, request.seed)
        cases = cases if on_splits is None else (*cases, *_asked(source, (on_splits,)))
    precision, more = _precision(source, cases[0].rows[:1])
    groups, ordinary = [], source.rows(cases[0].rows)
    for case in cases:
        progress(f"reference, {case.name}")
        groups.append(_group(source, case, precision, request, ordinary))
    refused = refused_part(source, cases[0].rows, request.seed)
    if not len(refused) and not _answers_all(source):
        notes += (ALL_FINITE,)
    return Reference(precision, request.seed, tuple(groups), refused, notes + more, forest)


def refused_part(source: WindowSource, typical: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    """Return windows that the model must not answer, made of `typical` ones; none where it answers all."""
    if _answers_all(source):
        return typical[:0]
    windows = refused_windows(typical, seed)
    return windows[~source.is_asked(windows)][:NON_FINITE_ROWS]


def _answers_all(source: WindowSource) -> bool:
    return isinstance(source.inner, EstimatorSource) and source.inner.answers_non_finite


def _asked(source: WindowSource, cases: tuple[CaseGroup, ...]) -> tuple[CaseGroup, ...]:
    """Keep the windows that the model answers, and the groups that enough are left of."""
    fewest = 1 if isinstance(source.inner, EstimatorSource) else FEWEST_WINDOWS
    asked = [CaseGroup(case.name, case.rows[source.is_asked(case.rows)]) for case in cases]
    return tuple(case for case in asked if len(case.rows) >= fewest)


def _precision(source: WindowSource, windows: NDArray[np.float32]) -> tuple[Precision, tuple[str, ...]]:
    if isinstance(source.inner, EstimatorSource):
        return source.inner.estimator.core.adds_in, ()
    return finest(source.inner, source.rows(windows))


def _group(
    source: WindowSource, case: CaseGroup, precision: Precision, request: CaseRequest, ordinary: NDArray[np.float32]
) -> ReferenceGroup:
    """Return the group of the model on its features, with the raw windows as its rows."""
    rows = CaseGroup(case.name, source.rows(case.rows))
    if isinstance(source.inner, EstimatorSource):
        group = estimator_group(source.inner, rows)
    else:
        group = network_group(source.inner, rows, precision, request, ordinary)
    return dataclasses.replace(group, rows=case.rows)

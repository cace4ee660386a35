"""The reference of a network: in float64, with the tolerance that its own rounding noise asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from dwcpc.compiler.scalers import Scaler
from dwcpc.parity.cases import CALIBRATION, SPECIAL, TYPICAL, WIDE, CaseGroup, draw_cases, non_finite_cases
from dwcpc.parity.reference import CaseRequest, Reference, ReferenceGroup
from dwcpc.parity.threshold_cases import PAIRED_ROWS, threshold_cases
from dwcpc.parity.tolerance import noise_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.parity.runners.source import SourceModel

ORDINARY = (TYPICAL, CALIBRATION, WIDE, SPECIAL)  # groups whose rows are paired to find the threshold between them


def make_network_reference(source: SourceModel, request: CaseRequest, progress: Callable[[str], None]) -> Reference:
    """Draw the cases and run the source model on them, in float64 and in float32."""
    shape = source.network.spec.input_shape
    scaler = source.scaler or Scaler.identity(shape[-1])
    cases = draw_cases(shape, scaler, request.rows, request.seed, request.calibration)
    notes: tuple[str, ...] = ()
    if request.threshold is not None:
        progress("rows at the threshold")
        near = _near_threshold(source, cases, request)
        cases = cases if near is None else (*cases, near)
        if near is None:
            notes = ("no row scores on the other side of the threshold: decisions near it were not tested",)
    groups = []
    for case in cases:
        progress(f"reference, {case.name}")
        groups.append(_reference_group(source, case, request.seed))
    return Reference("float64", request.seed, tuple(groups), non_finite_cases(cases[0].rows, request.seed).rows, notes)


def _near_threshold(source: SourceModel, cases: tuple[CaseGroup, ...], request: CaseRequest) -> CaseGroup | None:
    assert request.threshold is not None  # noqa: S101 - the caller has asked
    rows = request.rows - sum(len(case.rows) for case in cases)
    candidates = np.concatenate([case.rows[:PAIRED_ROWS] for case in cases if case.name in ORDINARY])
    return threshold_cases(source.score, candidates, request.threshold, max(16, rows), request.seed)


def _reference_group(source: SourceModel, case: CaseGroup, seed: int) -> ReferenceGroup:
    f64 = source.run(case.rows, "float64")
    samples = source.rounding_samples(case.rows, seed)
    noise = {name: noise_of(values, [sample[name] for sample in samples]) for name, values in f64.items()}
    return ReferenceGroup(
        case.name,
        case.rows,
        f64,
        tolerance={name: _broadcastable(each.by_row, f64[name]) for name, each in noise.items()},
        noise_level={name: each.level for name, each in noise.items()},
        bulk={name: each.bulk for name, each in noise.items()},
        insensitive=np.logical_and.reduce([each.insensitive for each in noise.values()]),
    )


def _broadcastable(by_row: NDArray[np.float64], output: NDArray[np.floating]) -> NDArray[np.float64]:
    """Turn [rows, channels] into a shape that broadcasts to the output's: [rows] or [rows, 1, …, channels]."""
    if output.ndim == 1:
        return by_row[:, 0]
    return by_row.reshape(len(by_row), *(1,) * (output.ndim - 2), by_row.shape[1])

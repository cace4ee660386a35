"""What the source model says on the cases, with the tolerance that follows: computed once, then only compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from dwcpc.compiler.scalers import Scaler
from dwcpc.parity.cases import CaseGroup, draw_cases, non_finite_cases
from dwcpc.parity.threshold_cases import threshold_cases
from dwcpc.parity.tolerance import float_tolerance

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.parity.runners.source import SourceModel

DEFAULT_ROWS = 4096
DEFAULT_SEED = 20260101
# Rows of each group that travel in the bundle as golden vectors.
GOLDEN_ROWS = {"wide": 8, "special": 8, "threshold": 16}
GOLDEN_ROWS_OF_FIRST = 32


@dataclass(frozen=True, slots=True)
class ReferenceGroup:
    """Rows of one group, the source's float64 outputs on them, and the tolerance of each output."""

    name: str
    rows: NDArray[np.float32]
    outputs: dict[str, NDArray[np.floating]]
    tolerance: dict[str, tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class Reference:
    """All groups. `non_finite` rows have no reference: a model must answer NaN to them, whatever the source does."""

    precision: Literal["float64", "float32", "golden"]
    seed: int
    groups: tuple[ReferenceGroup, ...]
    non_finite: NDArray[np.float32]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CaseRequest:
    """How many rows, drawn how. `rows` counts the finite rows of all groups."""

    rows: int = DEFAULT_ROWS
    seed: int = DEFAULT_SEED
    threshold: float | None = None
    calibration: NDArray[np.float32] | None = None


def make_reference(
    source: SourceModel, request: CaseRequest, progress: Callable[[str], None] = lambda _: None
) -> Reference:
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
        groups.append(_reference_group(source, case))
    return Reference("float64", request.seed, tuple(groups), non_finite_cases(cases[0].rows, request.seed).rows, notes)


def golden_part(reference: Reference) -> Reference:
    """Return the first rows of some groups, with the tolerances of the whole groups: what travels in the bundle."""
    groups = []
    for index, group in enumerate(reference.groups):
        count = GOLDEN_ROWS_OF_FIRST if index == 0 else GOLDEN_ROWS.get(group.name, 0)
        if count:
            outputs = {name: value[:count] for name, value in group.outputs.items()}
            groups.append(ReferenceGroup(group.name, group.rows[:count], outputs, group.tolerance))
    return Reference("golden", reference.seed, tuple(groups), reference.non_finite, reference.notes)


def _near_threshold(source: SourceModel, cases: tuple[CaseGroup, ...], request: CaseRequest) -> CaseGroup | None:
    assert request.threshold is not None  # noqa: S101 - the caller has asked
    rows = request.rows - sum(len(case.rows) for case in cases)
    candidates = np.concatenate([case.rows[:256] for case in cases])
    return threshold_cases(source.score, candidates, request.threshold, max(16, rows), request.seed)


def _reference_group(source: SourceModel, case: CaseGroup) -> ReferenceGroup:
    f64 = source.run(case.rows, "float64")
    f32 = source.run(case.rows, "float32")
    tolerance = {name: float_tolerance(f64[name], f32[name]) for name in f64}
    return ReferenceGroup(case.name, case.rows, f64, tolerance)

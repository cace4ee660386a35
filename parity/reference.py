"""What the source model says on the cases, with the tolerance that follows: computed once, then only compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from dwcpc.compiler.scalers import Scaler
from dwcpc.parity.cases import CALIBRATION, SPECIAL, THRESHOLD, TYPICAL, WIDE, CaseGroup, draw_cases, non_finite_cases
from dwcpc.parity.defaults import DEFAULT_ROWS, DEFAULT_SEED
from dwcpc.parity.threshold_cases import threshold_cases
from dwcpc.parity.tolerance import noise_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.parity.runners.source import SourceModel

# Rows of each group that travel in the bundle as golden vectors.
GOLDEN_ROWS = {WIDE: 8, SPECIAL: 8, THRESHOLD: 16}
GOLDEN_ROWS_OF_FIRST = 32
ORDINARY = (TYPICAL, CALIBRATION, WIDE, SPECIAL)  # groups whose rows are paired to find the threshold between them
PAIRED_ROWS = 256


@dataclass(frozen=True, slots=True)
class ReferenceGroup:
    """Rows of one group, the source's float64 outputs on them, and how far a model may be from them.

    `tolerance` holds per output an array that broadcasts to its shape: [channels] or one value a row. `bulk` is the
    tolerance [channels] of rows that are not sensitive, and `insensitive` says which those are. `noise_level` is the
    median rounding noise of each output, relative to its spread; empty where only golden vectors are known.
    """

    name: str
    rows: NDArray[np.float32]
    outputs: dict[str, NDArray[np.floating]]
    tolerance: dict[str, NDArray[np.float64]]
    noise_level: dict[str, float] = field(default_factory=dict)
    bulk: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    insensitive: NDArray[np.bool_] | None = None

    def first(self, count: int) -> ReferenceGroup:
        """Return the group's first rows, with their tolerances."""
        tolerance = {
            name: np.broadcast_to(value, self.outputs[name].shape)[:count] for name, value in self.tolerance.items()
        }
        outputs = {name: value[:count] for name, value in self.outputs.items()}
        return ReferenceGroup(self.name, self.rows[:count], outputs, tolerance)


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
        groups.append(_reference_group(source, case, request.seed))
    return Reference("float64", request.seed, tuple(groups), non_finite_cases(cases[0].rows, request.seed).rows, notes)


def golden_part(reference: Reference) -> Reference:
    """Return the first insensitive rows of some groups, under the bulk tolerance: what travels in the bundle."""
    groups = []
    for index, group in enumerate(reference.groups):
        count = GOLDEN_ROWS_OF_FIRST if index == 0 else GOLDEN_ROWS.get(group.name, 0)
        if count:
            chosen = np.flatnonzero(group.insensitive)[:count] if group.insensitive is not None else np.arange(count)
            outputs = {name: value[chosen] for name, value in group.outputs.items()}
            groups.append(ReferenceGroup(group.name, group.rows[chosen], outputs, group.bulk))
    return Reference("golden", reference.seed, tuple(groups), reference.non_finite, reference.notes)


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

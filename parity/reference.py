"""What the source model says on the cases, with the tolerance that follows: computed once, then only compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from dwcpc.parity.cases import BOUNDARY, LABEL_CHANGE, MISSING, SHORT, SPECIAL, THRESHOLD, WIDE
from dwcpc.parity.defaults import DEFAULT_ROWS, DEFAULT_SEED

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.compiler.metadata import CheckResult
    from dwcpc.compiler.trees.forest import Forest
    from dwcpc.parity.features.source import WindowSource
    from dwcpc.parity.fidelity import Allowance
    from dwcpc.parity.runners.estimator_source import EstimatorSource
    from dwcpc.parity.runners.source import SourceModel

# Rows of each group that travel in the bundle as golden vectors.
GOLDEN_ROWS = {WIDE: 8, SHORT: 8, SPECIAL: 8, MISSING: 8, THRESHOLD: 16, LABEL_CHANGE: 16, BOUNDARY: 32}
GOLDEN_ROWS_OF_FIRST = 32


@dataclass(frozen=True, slots=True)
class ReferenceGroup:
    """Rows of one group, the source's outputs on them (float64 or int64), and how far a model may be from them.

    `tolerance` holds per output an array that broadcasts to its shape: [channels] or one value a row. That of a whole
    number is 0, and infinite in rows where the source's own answer depends on the order in which it adds. `bulk` is the
    tolerance [channels] of rows that are not sensitive, and `insensitive` says which those are. `noise_level` is the
    median rounding noise of each output, relative to its spread. `leaves` [rows, trees] is the node in which each row
    ends, of the first rows where there are very many. `allowance` is what a model of reduced precision may lose, from
    which its tolerances follow. All of these are empty where they do not apply or only golden vectors are known.
    """

    name: str
    rows: NDArray[np.float32]
    outputs: dict[str, NDArray[Any]]
    tolerance: dict[str, NDArray[np.float64]]
    noise_level: dict[str, float] = field(default_factory=dict)
    bulk: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    insensitive: NDArray[np.bool_] | None = None
    leaves: NDArray[np.integer] | None = None
    allowance: Allowance | None = None

    def first(self, count: int) -> ReferenceGroup:
        """Return the group's first rows, with their tolerances."""
        tolerance = {
            name: np.broadcast_to(value, self.outputs[name].shape)[:count] for name, value in self.tolerance.items()
        }
        outputs = {name: value[:count] for name, value in self.outputs.items()}
        return ReferenceGroup(self.name, self.rows[:count], outputs, tolerance)


@dataclass(frozen=True, slots=True)
class Reference:
    """All groups. `non_finite` rows have no reference: a model must refuse them, whatever the source does.

    `precision` is what the source was run in: float32 where it has no float64, and a note then says why.

    `forest` is the source's, where the groups have `leaves`. `source_checks` is what was found out about the cases
    themselves.
    """

    precision: Literal["float64", "float32", "golden"]
    seed: int
    groups: tuple[ReferenceGroup, ...]
    non_finite: NDArray[np.float32]
    notes: tuple[str, ...]
    forest: Forest | None = None
    source_checks: tuple[CheckResult, ...] = ()


@dataclass(frozen=True, slots=True)
class CaseRequest:
    """How many rows, drawn how. `rows` counts the finite rows of all groups but those on the splits of trees.

    `threshold` is a network's; estimators decide by themselves. `min_sqnr_db` is the floor of a target of reduced
    precision; none asks for the source's own rounding noise.
    """

    rows: int = DEFAULT_ROWS
    seed: int = DEFAULT_SEED
    threshold: float | None = None
    calibration: NDArray[np.float32] | None = None
    min_sqnr_db: float | None = None


def make_reference(
    source: SourceModel | EstimatorSource | WindowSource,
    request: CaseRequest,
    progress: Callable[[str], None] = lambda _: None,
) -> Reference:
    """Draw the cases and run the source model on them."""
    # Both makers need what is defined above.
    from dwcpc.parity.estimators.reference import make_estimator_reference
    from dwcpc.parity.features.reference import make_window_reference
    from dwcpc.parity.features.source import WindowSource
    from dwcpc.parity.network_reference import make_network_reference
    from dwcpc.parity.runners.estimator_source import EstimatorSource

    if isinstance(source, WindowSource):
        return make_window_reference(source, request, progress)
    if isinstance(source, EstimatorSource):
        return make_estimator_reference(source, request, progress)
    return make_network_reference(source, request, progress)


def golden_part(reference: Reference) -> Reference:
    """Return the first good rows of some groups, under one tolerance a channel: what travels in the bundle."""
    groups = []
    for index, group in enumerate(reference.groups):
        count = GOLDEN_ROWS_OF_FIRST if index == 0 else GOLDEN_ROWS.get(group.name, 0)
        chosen = np.flatnonzero(_fit_for_golden(group))[:count]
        if len(chosen):
            outputs = {name: value[chosen] for name, value in group.outputs.items()}
            bulk = group.bulk or {name: _largest(group, name, chosen) for name in outputs}
            groups.append(ReferenceGroup(group.name, group.rows[chosen], outputs, bulk))
    return Reference("golden", reference.seed, tuple(groups), reference.non_finite, reference.notes)


def _fit_for_golden(group: ReferenceGroup) -> NDArray[np.bool_]:
    """Return the rows that are not sensitive, and of which every output is a number with a finite tolerance."""
    if group.insensitive is not None:
        return group.insensitive
    fit = np.ones(len(group.rows), bool)
    for name, values in group.outputs.items():
        finite = np.isfinite(values) & np.isfinite(group.tolerance[name])
        fit &= finite.reshape(len(values), -1).all(axis=1)
    return fit


def _largest(group: ReferenceGroup, name: str, chosen: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the largest tolerance [channels] that the output has in the rows `chosen`."""
    values = group.outputs[name]
    tolerance = np.broadcast_to(group.tolerance[name], values.shape)[chosen]
    largest: NDArray[np.float64] = tolerance.reshape(-1, values.shape[-1] if values.ndim > 1 else 1).max(axis=0)
    return largest

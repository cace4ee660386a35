"""Whether a runtime gives a bundle's golden vectors: what a service asks before it serves one (Go: `internal/golden`).

This is no verdict on parity, which `verify.py` gives with all its checks: a bundle that does not even give the answers
that it carries is not what its compiler wrote, whatever it is to be used for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dwcpc.compiler.errors import InputError, VerdictError
from dwcpc.parity.checks.closeness import excess
from dwcpc.parity.checks.finiteness import kind_differs
from dwcpc.parity.verify import answer_of, split_by_group

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dwcpc.compiler.bundle import Bundle
    from dwcpc.parity.reference import Reference, ReferenceGroup
    from dwcpc.parity.runners.base import Outputs, Runner

REMEDY = "it is not what its compiler wrote, compile it again"


@dataclass(frozen=True, slots=True)
class Misfit:
    """The golden value that is missed by most of its tolerance: `times` as much."""

    times: float
    row: int  # of all golden rows
    group: str
    value: str  # the output's name and the value's place within the row: `reconstruction[2]`
    got: float
    expected: float
    tolerance: float

    def __str__(self) -> str:
        where = f"golden row {self.row} (group {self.group}), output {self.value}"
        apart = abs(self.got - self.expected)
        return f"{where} is {self.got}, expected {self.expected} within {self.tolerance}, apart by {apart:.3g}"


def require_reproduced(bundle: Bundle, golden: Reference, runners: Sequence[Runner]) -> None:
    """Raise InputError, with the worst value, where `bundle` misses one of its `golden` vectors in a runtime."""
    rows = np.concatenate([group.rows for group in golden.groups])
    for runner in runners:
        try:
            outputs = answer_of(runner, bundle, rows, 1).outputs
        except VerdictError as error:
            raise InputError(f"{error}; {REMEDY}") from error
        worst = max(_misfits(golden, outputs), key=lambda misfit: misfit.times, default=None)
        if worst is not None:
            raise InputError(f"{bundle.path}: {worst}, the worst of its golden vectors in {runner.name}; {REMEDY}")


def _misfits(golden: Reference, outputs: Outputs) -> Iterator[Misfit]:
    start = 0
    for group, part in zip(golden.groups, split_by_group(golden, outputs), strict=True):
        for name in group.outputs:
            misfit = _worst(group, part, name, start)
            if misfit.times > 1.0:
                yield misfit
        start += len(group.rows)


def _worst(group: ReferenceGroup, outputs: Outputs, name: str, start: int) -> Misfit:
    expected, got, tolerance = group.outputs[name], outputs[name], group.tolerance[name]
    times = np.where(kind_differs(expected, got), np.inf, excess(expected, got, tolerance))
    at = np.unravel_index(int(times.argmax()), times.shape)
    index = int(times[at[0]].argmax())
    return Misfit(
        times=float(times[at]),
        row=start + int(at[0]),
        group=group.name,
        value=f"{name}[{index}]",
        got=float(got[at]),
        expected=float(expected[at]),
        tolerance=float(np.broadcast_to(tolerance, times.shape)[at]),
    )

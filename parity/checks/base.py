"""What a parity check gets and returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from dwcpc.compiler.metadata import CheckResult, Decision
    from dwcpc.parity.reference import ReferenceGroup
    from dwcpc.parity.runners.base import Outputs


@dataclass(frozen=True, slots=True)
class Comparison:
    """One group's reference beside what one runtime answered on the same rows."""

    reference: ReferenceGroup
    outputs: Outputs
    runtime: str
    decision: Decision | None


class Check(Protocol):
    """One property; an empty answer means that it does not apply to this model or group."""

    def __call__(self, comparison: Comparison) -> list[CheckResult]:
        """Return one result for each output that was judged."""

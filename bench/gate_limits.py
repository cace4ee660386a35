"""Which limits a bundle is held to when it is gated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dwcpc.bench.budgets import (
    DECLARED_RATE_PER_S,
    DEFAULT_LIMITS,
    DEFAULT_TOGETHER,
    LATENCY,
    TOGETHER,
    Limits,
    changed_by,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dwcpc.compiler.metadata import Metadata


@dataclass(frozen=True, slots=True)
class GateLimits:
    """`given` are the limits that the user set, for every bundle; `rate_per_s` is the declared one.

    Latency is the only budget that models have of their own: where none is given, a bundle is held to the limit that it
    was compiled with. What it was compiled with for size, memory and processor does not matter here, or a bundle could
    excuse itself.
    """

    given: dict[str, float]
    together_mb: float = DEFAULT_TOGETHER
    rate_per_s: float = DECLARED_RATE_PER_S

    def of(self, metadata: Metadata) -> Limits:
        """Return the limits of one bundle."""
        recorded = {budget.name: budget.limit for budget in metadata.budgets if budget.name == LATENCY}
        return Limits(**{**DEFAULT_LIMITS, **recorded, **self.given})


def gate_limits(settings: Iterable[str], rate_per_s: float = DECLARED_RATE_PER_S) -> GateLimits:
    """Return the limits by `NAME=NUMBER` settings."""
    settings = tuple(settings)
    values = changed_by(settings, {**DEFAULT_LIMITS, TOGETHER: DEFAULT_TOGETHER})
    names = {setting.partition("=")[0] for setting in settings}
    together_mb = values.pop(TOGETHER)
    return GateLimits({name: value for name, value in values.items() if name in names}, together_mb, rate_per_s)

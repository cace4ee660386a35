"""Which limits a bundle is held to when it is gated."""

from __future__ import annotations

from dataclasses import dataclass, field
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
    from collections.abc import Iterable, Mapping

    from dwcpc.compiler.metadata import Metadata


@dataclass(frozen=True, slots=True)
class GateLimits:
    """`given` are the limits that the user set, for every bundle, over those `of_models` by name; the rate is declared.

    Latency is the only budget that models have of their own: where none is given, a bundle is held to the limit that it
    was compiled with. What it was compiled with for size, memory and processor does not matter here, or a bundle could
    excuse itself.
    """

    given: dict[str, float]
    of_models: dict[str, dict[str, float]] = field(default_factory=dict)
    together_mb: float = DEFAULT_TOGETHER
    rate_per_s: float = DECLARED_RATE_PER_S

    def of(self, metadata: Metadata) -> Limits:
        """Return the limits of one bundle."""
        recorded = {budget.name: budget.limit for budget in metadata.budgets if budget.name == LATENCY}
        own = self.of_models.get(metadata.name, {})
        return Limits(**{**DEFAULT_LIMITS, **recorded, **own, **self.given})


def gate_limits(
    settings: Iterable[str],
    rate_per_s: float = DECLARED_RATE_PER_S,
    of_models: Mapping[str, dict[str, float]] | None = None,
) -> GateLimits:
    """Return the limits by `NAME=NUMBER` settings, which go before those that models have of their own."""
    settings = tuple(settings)
    values = changed_by(settings, {**DEFAULT_LIMITS, TOGETHER: DEFAULT_TOGETHER})
    names = {setting.partition("=")[0] for setting in settings}
    together_mb = values.pop(TOGETHER)
    given = {name: value for name, value in values.items() if name in names}
    return GateLimits(given, dict(of_models or {}), together_mb, rate_per_s)

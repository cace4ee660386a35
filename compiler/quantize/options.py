"""Which precision for which layer: the cheapest choice whose noise stays within a budget.

Noises of layers are nearly independent, so their powers add. A choice is judged by the time that it is expected to
take, then by its bytes. Plans that another one beats in noise, time and bytes are dropped after each layer, so that ten
layers of four options are a few hundred plans and not a million.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

FLOAT32 = "float32"
DISTILLED = ", distilled"  # behind the name of a precision whose layer was trained


@dataclass(frozen=True, slots=True)
class Option:
    """One layer in one precision: noise power relative to the signal's, weight bytes read at a step, stored bytes."""

    layer: str
    precision: str
    noise: float
    reads: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Plan:
    """A precision for each layer, and what is expected of it."""

    precisions: Mapping[str, str]
    noise: float = 0.0
    reads: int = 0
    bytes: int = 0

    def with_option(self, option: Option) -> Plan:
        """Return this plan with one layer more."""
        return Plan(
            {**self.precisions, option.layer: option.precision},
            self.noise + option.noise,
            self.reads + option.reads,
            self.bytes + option.bytes,
        )


def cheapest(layers: Sequence[Sequence[Option]], budget: float) -> Plan | None:
    """Return the plan with one option a layer that reads least, then stores least, within the noise `budget`."""
    plans = [Plan({})]
    for options in layers:
        plans = _undominated([plan.with_option(each) for plan in plans for each in options], budget)
    return min(plans, key=lambda plan: (plan.reads, plan.bytes, plan.noise), default=None)


def without_loudest(layers: Sequence[Sequence[Option]], plan: Plan) -> list[list[Option]]:
    """Return the options without the one of `plan` that adds the most noise; a layer keeps its most exact one."""
    taken = [each for layer in layers for each in layer if plan.precisions[each.layer] == each.precision]
    spare = [each for each in taken if len(next(layer for layer in layers if each in layer)) > 1]
    loudest = max(spare, key=lambda each: each.noise, default=None)
    return [[each for each in layer if each is not loudest] for layer in layers]


def _undominated(plans: list[Plan], budget: float) -> list[Plan]:
    kept: list[Plan] = []
    for plan in sorted(plans, key=lambda plan: (plan.reads, plan.bytes, plan.noise)):
        if plan.noise <= budget and not any(_beats(other, plan) for other in kept):
            kept.append(plan)
    return kept


def _beats(a: Plan, b: Plan) -> bool:
    return a.noise <= b.noise and a.reads <= b.reads and a.bytes <= b.bytes

"""What each step reads, how many samples before the present one are needed of each value, and what cannot be embedded.

A value is a column or a step, by its place: columns first, in the specification's order, then the steps.
"""

from __future__ import annotations

from dataclasses import dataclass

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.features.spec import FeatureSpec, Step

NUMBERS_OF_NOTHING = ("indicator", "one_hot")  # 0, where there was no sample


@dataclass(frozen=True, slots=True)
class ReadingOrder:
    """`sources[s]` are the values that step s reads; `reach[v]` is how many samples before the present one are needed
    of value v, and −1 where no feature needs it.
    """

    spec: FeatureSpec
    sources: tuple[tuple[int, ...], ...]
    reach: tuple[int, ...]

    def value_of(self, step: int) -> int:
        """Return the value that the step at this place is."""
        return len(self.spec.columns) + step

    @property
    def live(self) -> tuple[int, ...]:
        """The steps that features depend on."""
        return tuple(step for step in range(len(self.spec.steps)) if self.reach[self.value_of(step)] >= 0)

    @property
    def read(self) -> frozenset[int]:
        """The values that live steps read."""
        return frozenset(source for step in self.live for source in self.sources[step])


def reading_order(spec: FeatureSpec) -> ReadingOrder:
    """Resolve the names of `spec`: those of earlier steps hide those of columns."""
    places = {column.name: place for place, column in enumerate(spec.columns)}
    sources = []
    for place, step in enumerate(spec.steps):
        sources.append(tuple(places[name] for name in step.sources))
        places[step.name] = len(spec.columns) + place
    reach = [-1] * (len(spec.columns) + len(spec.steps))
    for place in reversed(range(len(spec.steps))):
        step, own = spec.steps[place], len(spec.columns) + place
        if step.output:
            reach[own] = max(reach[own], 0)
        if reach[own] >= 0:
            for source in sources[place]:
                reach[source] = max(reach[source], reach[own] + step.lookback)
    return ReadingOrder(spec, tuple(sources), tuple(reach))


def require_embeddable(spec: FeatureSpec, where: str) -> None:
    """Raise InputError, beginning with `where`, for a step that looks back at what is a number before the first sample.

    A row before the first sample is NaN, which such a source turns into a number: the graph cannot tell the two apart.
    """
    order = reading_order(spec)
    is_nan_before = [True] * len(spec.columns)
    for step, sources in zip(spec.steps, order.sources, strict=True):
        read = [is_nan_before[source] for source in sources]
        if step.lookback and not all(read):
            raise InputError(
                f"{where}: step {step.name!r}: looks back at {step.sources[read.index(False)]!r}, a number where there "
                "was no sample yet, expected a source without fill, indicator or one_hot; compute the features outside "
                "of the graph, without --embed-features"
            )
        is_nan_before.append(_is_nan_before(step, read))


def _is_nan_before(step: Step, read: list[bool]) -> bool:
    """Say whether the step is NaN where its sources are as `read` says; one NaN among operands is enough."""
    return step.fill is None and step.op not in NUMBERS_OF_NOTHING and any(read)

"""What a feature specification says, as data: by `features.schema.json`, with the meaning of `docs/features.md`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SCHEMA = "dwcpc.features/1"

Late = Literal["refuse", "skip"]
Duplicate = Literal["refuse", "skip", "keep"]
Unknown = Literal["refuse", "missing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A raw column: float64 numbers, or, with `categories`, text that is one of them."""

    name: str
    type: Literal["number", "category"] = "number"
    unit: str | None = None
    categories: tuple[str, ...] = ()
    unknown: Unknown = "refuse"

    @property
    def is_category(self) -> bool:
        """Whether its values are text, which steps see as places in `categories`."""
        return self.type == "category"


@dataclass(frozen=True, slots=True, kw_only=True)
class Time:
    """The order of a group's samples, and what becomes of those that break it; `max_gap` in the column's unit."""

    column: str
    late: Late = "refuse"
    duplicate: Duplicate = "refuse"
    max_gap: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One named feature. NaN becomes `fill` where there is one; without `output` it only serves later steps."""

    name: str
    op: str
    unit: str | None = None
    fill: float | None = None
    output: bool = True

    @property
    def sources(self) -> tuple[str, ...]:
        """The columns and steps that it reads."""
        raise NotImplementedError

    @property
    def lookback(self) -> int:
        """How many samples before the present one it reads of each source."""
        return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Unary(Step):
    """`copy`, `label` (a category's place) and `log1p`."""

    of: str

    @property
    def sources(self) -> tuple[str, ...]:
        """Its one source."""
        return (self.of,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rolling(Unary):
    """`rolling_mean`, `rolling_std`, `rolling_min`, `rolling_max` of the last `window` samples, this one included."""

    window: int
    min_periods: int = 1
    ddof: int = 1

    @property
    def lookback(self) -> int:
        """The window without the present sample."""
        return self.window - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference(Unary):
    """`difference` to the sample before, of the first or second order."""

    order: int = 1

    @property
    def lookback(self) -> int:
        """One sample an order."""
        return self.order


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag(Unary):
    """`lag`: the value that many samples before."""

    samples: int

    @property
    def lookback(self) -> int:
        """The distance."""
        return self.samples


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio(Unary):
    """`ratio`: of / (by + epsilon)."""

    by: str
    epsilon: float = 0.0

    @property
    def sources(self) -> tuple[str, ...]:
        """Numerator and denominator."""
        return (self.of, self.by)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold(Step):
    """`sum` and `product`, from left to right."""

    of: tuple[str, ...]

    @property
    def sources(self) -> tuple[str, ...]:
        """Its operands."""
        return self.of


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """weight · (of / per)."""

    of: str
    weight: float
    per: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightedSum(Step):
    """`weighted_sum` of its terms, from left to right."""

    terms: tuple[Term, ...]

    @property
    def sources(self) -> tuple[str, ...]:
        """What the terms weigh."""
        return tuple(term.of for term in self.terms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicator(Unary):
    """`indicator`: 1 above or below a threshold (or at it, where not `strict`), 0 otherwise and for NaN."""

    above: float | None = None
    below: float | None = None
    strict: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class OneHot(Unary):
    """`one_hot`: 1 where the category is this one, 0 otherwise."""

    category: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Periodic(Unary):
    """`sin` and `cos` of 2π · of / period."""

    period: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip(Unary):
    """`clip` to [low, high]."""

    low: float | None = None
    high: float | None = None


STEP_TYPES: dict[str, type[Step]] = {
    "copy": Unary,
    "label": Unary,
    "log1p": Unary,
    "rolling_mean": Rolling,
    "rolling_std": Rolling,
    "rolling_min": Rolling,
    "rolling_max": Rolling,
    "difference": Difference,
    "lag": Lag,
    "ratio": Ratio,
    "product": Fold,
    "sum": Fold,
    "weighted_sum": WeightedSum,
    "indicator": Indicator,
    "one_hot": OneHot,
    "sin": Periodic,
    "cos": Periodic,
    "clip": Clip,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureSpec:
    """Steps over raw columns; `group` names the column whose values have histories of their own."""

    name: str
    group: str | None = None
    time: Time | None = None
    columns: tuple[Column, ...]
    steps: tuple[Step, ...]

    @property
    def features(self) -> tuple[str, ...]:
        """The names of what it computes, in order."""
        return tuple(step.name for step in self.steps if step.output)

    @property
    def lookback(self) -> int:
        """How many samples before the present one its features depend on, through all steps."""
        return max(self.lookbacks)

    @property
    def lookbacks(self) -> tuple[int, ...]:
        """The same of each feature."""
        reach: dict[str, int] = {column.name: 0 for column in self.columns}
        for step in self.steps:
            reach[step.name] = step.lookback + max(reach[source] for source in step.sources)
        return tuple(reach[name] for name in self.features)

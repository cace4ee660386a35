"""docs/features.md read as a program: one row after the other, one number after the other, nothing but Python's floats.

It shares no code with an executor, and no idea of how to compute many rows at once with the other reference
(tests/fixtures/features_reference.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

NAN = math.nan
Sample = dict[tuple[str, str], float]  # of ("column" or "step", name)


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that is refused, and the column that is to blame."""

    column: str


@dataclass(slots=True)
class Group:
    """What is known of a group: its last taken time, and the samples since its last gap."""

    last: float | None = None
    samples: list[Sample] = field(default_factory=list)


class Book:
    """Takes rows as they arrive."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self._spec = spec
        self._groups: dict[str, Group] = {}

    def take(self, row: dict[str, Any]) -> list[float] | Refused | None:
        """Return the features of a row; none where it is skipped."""
        key = row[self._spec["group"]] if self._spec.get("group") else "all"
        if key == "":
            return Refused(self._spec["group"])
        group = self._groups.setdefault(key, Group())
        if self._spec.get("time") is not None:
            rule = self._rule(row, group)
            if rule in {"refuse", "skip"}:
                return Refused(self._spec["time"]["column"]) if rule == "refuse" else None
        sample = self._sample(row)
        if isinstance(sample, Refused):
            return sample
        if self._spec.get("time") is not None:
            if self._after_gap(row, group):
                group.samples.clear()
            group.last = row[self._spec["time"]["column"]]
        group.samples.append(sample)
        return self._features(group.samples)

    def _rule(self, row: dict[str, Any], group: Group) -> str:
        """Return what the row's time asks for: "refuse", "skip" or "keep"."""
        time = self._spec["time"]
        at = row[time["column"]]
        if not math.isfinite(at):
            return "refuse"
        if group.last is not None and at < group.last:
            return str(time.get("late", "refuse"))
        if group.last is not None and at == group.last:
            return str(time.get("duplicate", "refuse"))
        return "keep"

    def _after_gap(self, row: dict[str, Any], group: Group) -> bool:
        gap = self._spec["time"].get("max_gap")
        return group.last is not None and gap is not None and row[self._spec["time"]["column"]] - group.last > gap

    def _sample(self, row: dict[str, Any]) -> Sample | Refused:
        sample: Sample = {}
        for column in self._spec["columns"]:
            value = row[column["name"]]
            if column.get("type") == "category":
                known = value in column["categories"]
                if not known and column.get("unknown", "refuse") == "refuse":
                    return Refused(column["name"])
                value = column["categories"].index(value) if known else NAN
            sample["column", column["name"]] = float(value)
        return sample

    def _features(self, samples: list[Sample]) -> list[float]:
        done: set[str] = set()
        features = []
        for step in self._spec["steps"]:
            value = value_of(step, Reader(samples, frozenset(done)), self._spec)
            if math.isnan(value) and "fill" in step:
                value = float(step["fill"])
            samples[-1]["step", step["name"]] = value
            done.add(step["name"])
            if step.get("output", True):
                features.append(value)
        return features


@dataclass(frozen=True, slots=True)
class Reader:
    """What a step reads: an earlier step of that name, or else the column; NaN before the first sample."""

    samples: list[Sample]
    steps: frozenset[str]

    def at(self, name: str, before: int = 0) -> float:
        """Return the value of so many samples ago."""
        if before >= len(self.samples):
            return NAN
        return self.samples[-1 - before]["step" if name in self.steps else "column", name]


def value_of(step: dict[str, Any], read: Reader, spec: dict[str, Any]) -> float:
    """Return the step's value before its fill."""
    if step["op"].startswith("rolling_"):
        return rolling(step, read)
    if step["op"] == "one_hot":
        column = next(column for column in spec["columns"] if column["name"] == step["of"])
        return 1.0 if read.at(step["of"]) == column["categories"].index(step["category"]) else 0.0
    return OPS[step["op"]](step, read)


def copy(step: dict[str, Any], read: Reader) -> float:
    """Return the source."""
    return read.at(step["of"])


def difference(step: dict[str, Any], read: Reader) -> float:
    """Return the change, or the change of it."""
    x, before, earlier = (read.at(step["of"], samples) for samples in range(3))
    return x - before if step.get("order", 1) == 1 else (x - before) - (before - earlier)


def lag(step: dict[str, Any], read: Reader) -> float:
    """Return an earlier value."""
    return read.at(step["of"], step["samples"])


def ratio(step: dict[str, Any], read: Reader) -> float:
    """Return a quotient."""
    return divided(read.at(step["of"]), read.at(step["by"]) + step.get("epsilon", 0.0))


def folded(step: dict[str, Any], read: Reader) -> float:
    """Return a sum or a product, from left to right."""
    total = read.at(step["of"][0])
    for name in step["of"][1:]:
        total = total + read.at(name) if step["op"] == "sum" else total * read.at(name)
    return total


def indicator(step: dict[str, Any], read: Reader) -> float:
    """Return whether a condition holds."""
    return 1.0 if holds(step, read.at(step["of"])) else 0.0


def clip(step: dict[str, Any], read: Reader) -> float:
    """Return the value within its bounds."""
    x, low, high = read.at(step["of"]), step.get("low", -math.inf), step.get("high", math.inf)
    return float(low) if x < low else float(high) if x > high else x


def log1p(step: dict[str, Any], read: Reader) -> float:
    """Return log(1 + x)."""
    x = read.at(step["of"])
    return NAN if math.isnan(x) or x < -1 else -math.inf if x == -1 else math.log1p(x)


def rolling(step: dict[str, Any], read: Reader) -> float:
    """Return a statistic of the window's valid values, oldest first."""
    window = [read.at(step["of"], before) for before in range(step["window"] - 1, -1, -1)]
    valid = [x for x in window if math.isfinite(x)]
    n = len(valid)
    if n < step.get("min_periods", 1):
        return NAN
    if step["op"] in {"rolling_min", "rolling_max"}:
        best = valid[0]
        for x in valid[1:]:
            if x < best if step["op"] == "rolling_min" else x > best:
                best = x
        return best
    s = 0.0
    for x in valid:
        s += x
    mean = s / n
    if step["op"] == "rolling_mean":
        return mean
    ddof = step.get("ddof", 1)
    if n <= ddof:
        return NAN
    if all(x == valid[0] for x in valid):
        return 0.0
    q = 0.0
    for x in valid:
        q += (x - mean) * (x - mean)
    return math.sqrt(q / (n - ddof))


def weighted_sum(step: dict[str, Any], read: Reader) -> float:
    """Return the terms' sum, from left to right."""
    total = None
    for term in step["terms"]:
        x = read.at(term["of"])
        weighted = term["weight"] * (x / term["per"] if "per" in term else x)
        total = weighted if total is None else total + weighted
    assert total is not None
    return total


def holds(step: dict[str, Any], x: float) -> bool:
    """Say whether an indicator's condition holds."""
    if "above" in step:
        return x > step["above"] if step.get("strict", True) else x >= step["above"]
    return x < step["below"] if step.get("strict", True) else x <= step["below"]


def periodic(step: dict[str, Any], read: Reader) -> float:
    """Return the sine or the cosine of an angle that is reduced in turns."""
    u = read.at(step["of"]) / step["period"]
    if not math.isfinite(u):
        return NAN
    r = u - math.floor(u) if abs(u) < 2.0**53 else 0.0  # from there on every float is a whole number
    k = math.floor(4.0 * r + 0.5)
    a = (r - k / 4.0) * (2.0 * math.pi)
    if step["op"] == "sin":
        return (math.sin(a), math.cos(a), -math.sin(a), -math.cos(a))[k % 4]
    return (math.cos(a), -math.sin(a), -math.cos(a), math.sin(a))[k % 4]


def divided(a: float, b: float) -> float:
    """Return a / b as IEEE 754 has it; Python raises."""
    if b != 0:
        return a / b
    return NAN if a == 0 or math.isnan(a) else math.copysign(math.inf, a) * math.copysign(1.0, b)


OPS: dict[str, Callable[[dict[str, Any], Reader], float]] = {
    "copy": copy,
    "label": copy,
    "difference": difference,
    "lag": lag,
    "ratio": ratio,
    "sum": folded,
    "product": folded,
    "weighted_sum": weighted_sum,
    "indicator": indicator,
    "sin": periodic,
    "cos": periodic,
    "clip": clip,
    "log1p": log1p,
}

"""What a schema cannot say about a feature specification. Go refuses the same (go_harness/features/checks.go)."""

from __future__ import annotations

from collections.abc import Iterator

from dwcpc.compiler.features.spec import Clip, Column, FeatureSpec, Indicator, OneHot, Rolling, Step
from dwcpc.compiler.features.units import UnitClash, unit_of

READ_CATEGORIES = ("label", "one_hot")


def first_problem(spec: FeatureSpec) -> str | None:
    """Return what is wrong first, beginning with the column or the step; none where all is well."""
    return next(_problems(spec), None)


def _problems(spec: FeatureSpec) -> Iterator[str]:
    yield from _column_problems(spec)
    columns = {column.name: column for column in spec.columns}
    later = {step.name: step for step in spec.steps}
    units: dict[str, str | None] = {column.name: column.unit for column in spec.columns}
    done: set[str] = set()
    for step in spec.steps:
        label = f"step {step.name!r}"
        if step.name in done:
            yield f"{label}: the name stands twice, expected a name of its own"
        yield from (f"{label}: {problem}" for problem in _sources(step, columns, done, later))
        yield from (f"{label}: {problem}" for problem in _own(step, columns, done))
        try:
            units[step.name] = unit_of(step, units)
        except UnitClash as clash:
            yield f"{label}: {clash}"
        done.add(step.name)
    if not spec.features:
        yield "steps: none has an output, expected at least one"


def _column_problems(spec: FeatureSpec) -> Iterator[str]:
    seen: set[str] = set()
    for column in spec.columns:
        if column.name in seen:
            yield f"column {column.name!r}: the name stands twice, expected a name of its own"
        seen.add(column.name)
        if len(set(column.categories)) < len(column.categories):
            yield f"column {column.name!r}: a category stands twice, expected each once"


def _sources(step: Step, columns: dict[str, Column], done: set[str], later: dict[str, Step]) -> Iterator[str]:
    for source in step.sources:
        if source in done or source in columns:
            continue
        if source not in later:
            yield f"reads {source!r}, expected a column or an earlier step"
        elif cycle := _cycle(step.name, later):
            yield f"is part of a cycle ({' → '.join(cycle)}), expected earlier steps alone"
        else:
            yield f"reads the later step {source!r}, expected an earlier one: put {source!r} before it"


def _cycle(start: str, steps: dict[str, Step]) -> list[str] | None:
    """Return the way from `start` back to itself, both ends included; none where there is no way."""
    paths = [[start]]
    seen: set[str] = set()
    while paths:
        path = paths.pop()
        for source in steps[path[-1]].sources if path[-1] in steps else ():
            if source == start:
                return [*path, start]
            if source not in seen:
                seen.add(source)
                paths.append([*path, source])
    return None


def _own(step: Step, columns: dict[str, Column], done: set[str]) -> Iterator[str]:
    if step.name in columns and not (step.op == "copy" and step.sources == (step.name,)):
        yield f"bears a column's name and is no copy of it, expected another name or a copy of {step.name!r}"
    yield from _categories(step, columns, done)
    if isinstance(step, Rolling) and step.min_periods > step.window:
        yield f"min_periods is {step.min_periods}, expected at most the window, {step.window}"
    if isinstance(step, Indicator) and (step.above is None) == (step.below is None):
        yield "expected above or below, one of them"
    if isinstance(step, Clip):
        yield from _clip(step)


def _categories(step: Step, columns: dict[str, Column], done: set[str]) -> Iterator[str]:
    for source in step.sources:
        column = None if source in done else columns.get(source)
        is_category = column is not None and column.is_category
        if is_category and step.op not in READ_CATEGORIES:
            yield f"reads the category column {source!r} as a number, expected a label or a one_hot of it"
        if not is_category and step.op in READ_CATEGORIES:
            yield f"reads {source!r}, expected a category column"
        if isinstance(step, OneHot) and column is not None and is_category and step.category not in column.categories:
            yield f"category is {step.category!r}, expected one of {', '.join(map(repr, column.categories))}"


def _clip(step: Clip) -> Iterator[str]:
    if step.low is None and step.high is None:
        yield "expected low or high, or both"
    if step.low is not None and step.high is not None and step.low > step.high:
        yield f"low is {step.low:g}, expected at most high, {step.high:g}"

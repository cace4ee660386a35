"""The unit of each step, derived from its sources' units: what has none is not checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dwcpc.compiler.features.spec import Fold, Ratio, Step, Term, WeightedSum

NO_UNIT = "1"
CONVERTS = ("ratio", "product", "weighted_sum")
KEEPS = ("copy", "clip", "difference", "lag", "rolling_max", "rolling_mean", "rolling_min", "rolling_std", "sum")


class UnitClash(Exception):  # noqa: N818 - the caller's sentence needs no suffix
    """Two units where there has to be one."""


def unit_of(step: Step, units: Mapping[str, str | None]) -> str | None:
    """Return the step's unit, none where it is not known; UnitClash where two meet that differ."""
    derived = _derived(step, units)
    if step.unit is None or derived is None or step.op in CONVERTS:
        return step.unit or derived
    if step.unit != derived:
        raise UnitClash(f"unit is {step.unit!r}, expected {derived!r}, as its source")
    return derived


def _derived(step: Step, units: Mapping[str, str | None]) -> str | None:
    if isinstance(step, WeightedSum):
        return _common((_term_unit(term, units), term.of) for term in step.terms)
    of = [(units.get(source), source) for source in step.sources]
    if isinstance(step, Ratio):
        return _quotient(of[0][0], of[1][0])
    if isinstance(step, Fold) and step.op == "product":
        return _product(unit for unit, _ in of)
    return _common(of) if step.op in KEEPS else NO_UNIT


def _term_unit(term: Term, units: Mapping[str, str | None]) -> str | None:
    return NO_UNIT if term.per is not None else units.get(term.of)


def _common(operands: Iterable[tuple[str | None, str]]) -> str | None:
    known = [(unit, source) for unit, source in operands if unit is not None]
    for unit, source in known[1:]:
        if unit != known[0][0]:
            raise UnitClash(
                f"{known[0][1]!r} is in {known[0][0]!r} and {source!r} in {unit!r}, expected one unit "
                "(a weighted_sum's per converts)"
            )
    return known[0][0] if known else None


def _quotient(of: str | None, by: str | None) -> str | None:
    if of is None or by is None:
        return None
    return NO_UNIT if of == by else f"{of}/{by}"


def _product(units: Iterable[str | None]) -> str | None:
    known = list(units)
    if None in known:
        return None
    return "·".join(unit for unit in known if unit not in {None, NO_UNIT}) or NO_UNIT

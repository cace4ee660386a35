"""Each step as a formula that a person reads; docs/features.md defines what it means to the last bit."""

from __future__ import annotations

from dwcpc.compiler.features.spec import (
    Clip,
    Difference,
    Fold,
    Indicator,
    Lag,
    OneHot,
    Periodic,
    Ratio,
    Rolling,
    Step,
    WeightedSum,
)

SIGNS = {(True, True): ">", (True, False): "≥", (False, True): "<", (False, False): "≤"}


def formula(step: Step) -> str:
    """Return such as `mean of the last 5 rtt_ms`, with what a missing value becomes."""
    return _of(step) + ("" if step.fill is None else f", missing → {step.fill:g}")


def _of(step: Step) -> str:  # noqa: C901, PLR0911 - one kind of step after the other
    if isinstance(step, Rolling):
        least = "" if step.min_periods == 1 else f", {step.min_periods} at least"
        freedom = "" if step.op != "rolling_std" or step.ddof == 1 else f", ddof {step.ddof}"
        return f"{step.op.removeprefix('rolling_')} of the last {step.window} {step.of}{least}{freedom}"
    if isinstance(step, Difference):
        return f"{'change' if step.order == 1 else 'change of the change'} of {step.of}"
    if isinstance(step, Lag):
        return f"{step.of}, {step.samples} samples before"
    if isinstance(step, Ratio):
        return f"{step.of} / {step.by}" if step.epsilon == 0 else f"{step.of} / ({step.by} + {step.epsilon:g})"
    if isinstance(step, Fold):
        return (" + " if step.op == "sum" else " · ").join(step.of)
    if isinstance(step, WeightedSum):
        return " + ".join(
            f"{term.weight:g}·{term.of}{'' if term.per is None else f'/{term.per:g}'}" for term in step.terms
        )
    if isinstance(step, Indicator):
        limit = step.above if step.above is not None else step.below
        return f"1 where {step.of} {SIGNS[step.above is not None, step.strict]} {limit:g}, else 0"
    if isinstance(step, OneHot):
        return f"1 where {step.of} is {step.category}, else 0"
    if isinstance(step, Periodic):
        return f"{step.op} 2π·{step.of}/{step.period:g}"
    if isinstance(step, Clip):
        low, high = ("−∞" if step.low is None else f"{step.low:g}", "∞" if step.high is None else f"{step.high:g}")
        return f"{step.of} within {low} … {high}"
    source = step.sources[0]
    return {"copy": source, "label": f"place of {source} among its categories"}.get(step.op, f"log(1 + {source})")

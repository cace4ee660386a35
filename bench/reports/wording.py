"""How every report says the same thing: figures with their units, budgets, checks, regressions and verdicts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from dwcpc.bench.budgets import CPU, DECLARED_RATE_PER_S, LATENCY, MEMORY, SIZE
from dwcpc.bench.reports.json_document import INFINITE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dwcpc.bench.findings import BundleFindings, Findings, Regression
    from dwcpc.compiler.metadata import Budget, CheckResult, Verdict

MARKS: dict[Verdict, str] = {"pass": "✔", "fail": "✘", "inconclusive": "?"}
NOT_MEASURED = "not measured"
SHORT_MS = 0.1  # below which microseconds read better
# A budget is named after its unit; these are the ones that have a name of their own.
BUDGET_NAMES = {LATENCY: "latency, p99", SIZE: "size on disk", MEMORY: "memory", CPU: "processor"}
UNITS = {"ms": "ms", "mb": "MB", "percent": "%"}

QUICK = "A quick run: it may fail a bundle and never pass one."
AS_COMPILED = (
    "Nothing was measured for this report: each figure is from the bundle itself, of the day it was compiled, one "
    "process a runtime; dwcpc gate measures anew."
)


def marked(verdict: Verdict) -> str:
    """Return `✔ pass`."""
    return f"{MARKS[verdict]} {verdict}"


def figure(value: float | None, unit: str = "") -> str:
    """Return three significant digits and the unit; `not measured` for none, ∞ for what JSON cannot hold."""
    if value is None:
        return NOT_MEASURED
    if not math.isfinite(value) or abs(value) >= INFINITE:
        return "∞"
    digits = f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
    return f"{digits} {unit}".rstrip()


def duration(milliseconds: float | None) -> str:
    """Return `109 µs` or `1.25 ms`."""
    if milliseconds is None or milliseconds >= SHORT_MS:
        return figure(milliseconds, "ms")
    return figure(milliseconds * 1000, "µs")


def megabytes(size_bytes: float | None) -> str:
    """Return `0.37 MB`."""
    return figure(None if size_bytes is None else size_bytes / 1e6, "MB")


def budget_unit(budget: Budget) -> str:
    """Return the unit that ends the budget's name."""
    return UNITS.get(budget.name.rpartition("_")[2], "")


def budget_name(budget: Budget) -> str:
    """Return `latency, p99`; a budget of another name is called by that."""
    known = BUDGET_NAMES.get(budget.name)
    if budget.name == CPU:
        return f"{known} at {DECLARED_RATE_PER_S:g}/s"
    return known or budget.name


def budget_figure(budget: Budget) -> str:
    """Return `0.37 of 50 MB`."""
    limit = figure(budget.limit, budget_unit(budget))
    return f"{NOT_MEASURED}, limit {limit}" if budget.measured is None else f"{figure(budget.measured)} of {limit}"


def check_name(result: CheckResult) -> str:
    """Return `closeness of anomaly_score on wide rows in go`."""
    return f"{result.check} of {result.output} on {result.group} rows in {result.runtime}"


def check_outcome(result: CheckResult) -> str:
    """Return what was seen and what was allowed."""
    note = f" ({result.note})" if result.note else ""
    return f"{figure(result.worst)}, allowed {figure(result.limit)}{note}"


def regression_figure(regression: Regression) -> str:
    """Return the ratio with its 99 % interval."""
    return f"{regression.ratio} of {regression.baseline}"


def title(bundle: BundleFindings) -> str:
    """Return `NAME vX.Y`."""
    return f"{bundle.metadata.name} v{bundle.metadata.version}"


def measured_how(findings: Findings) -> str | None:
    """Say what the figures are worth where they are not a full gate's."""
    if findings.command == "compile":
        return AS_COMPILED
    return None if findings.decisive else QUICK


def made_by(findings: Findings) -> str:
    """Return the command whose findings these are; what bundles carry themselves is told by `report`."""
    return "dwcpc report" if findings.command == "compile" else f"dwcpc {findings.command}"


def count_of(verdicts: Iterable[Verdict]) -> str:
    """Return `2 pass, 1 fail`, the worst first."""
    given = list(verdicts)
    order: tuple[Verdict, ...] = ("fail", "inconclusive", "pass")
    return ", ".join(f"{given.count(verdict)} {verdict}" for verdict in order if verdict in given)


def reasons_of(findings: Findings) -> list[str]:
    """Return every reason once: the run's own, and each bundle's, by its name, where the run's do not hold it."""
    said = list(findings.reasons)
    for bundle in findings.bundles:
        said += [f"{title(bundle)}: {reason}" for reason in bundle.reasons if not any(reason in each for each in said)]
    return said

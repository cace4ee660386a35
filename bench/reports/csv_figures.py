"""The findings as CSV: a row for each figure, for spreadsheets and plots of one's own."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from dwcpc.bench.reports.wording import budget_unit

if TYPE_CHECKING:
    from dwcpc.bench.findings import BundleFindings, Findings, Regression
    from dwcpc.compiler.metadata import Budget, Measurements, Parity

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # with which a cell is a formula to a spreadsheet (OWASP, CSV injection)
UNITS = {"_ms": "ms", "_bytes": "bytes", "_per_s": "1/s"}


class Figure(NamedTuple):
    """One row. `process` counts from 1 and is empty for what is not of one process."""

    bundle: str
    version: str
    runtime: str
    process: str
    metric: str
    value: float | int | str | None
    unit: str


def render(findings: Findings) -> str:
    """Return the table with its header; what was not measured has an empty value."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")  # RFC 4180
    writer.writerow(Figure._fields)
    for row in _figures(findings):
        writer.writerow([_guarded(cell) if isinstance(cell, str) else cell for cell in row])
    return text.getvalue()


def _guarded(text: str) -> str:
    """Return `text` so that no spreadsheet computes it."""
    return f"'{text}" if text.startswith(FORMULA) else text


def _figures(findings: Findings) -> Iterator[Figure]:
    yield Figure("", "", "", "", "verdict", findings.verdict, "")
    if findings.together is not None:
        yield from _budget("", "", findings.together)
    for bundle in findings.bundles:
        yield from _bundle(bundle)


def _bundle(bundle: BundleFindings) -> Iterator[Figure]:
    name, version = bundle.metadata.name, bundle.metadata.version
    yield Figure(name, version, "", "", "verdict", bundle.verdict, "")
    for file, size_bytes in bundle.files.items():
        yield Figure(name, version, "", "", f"file {file}", size_bytes, "bytes")
    for budget in bundle.budgets:
        yield from _budget(name, version, budget)
    if bundle.regression is not None:
        yield from _regression(name, version, bundle.regression)
    for runs in bundle.runs:
        for number, run in enumerate(runs.processes, start=1):
            yield from _fields(name, version, runs.runtime, str(number), run)
    for load in bundle.loads:
        yield from _fields(name, version, "go", f"{load.kind} {load.concurrency}", load)
    if bundle.parity is not None:
        yield from _parity(name, version, bundle.parity)
    yield from _errors(bundle)
    if bundle.metadata.measurements is not None:
        yield from _as_compiled(name, version, bundle.metadata.measurements)


def _budget(name: str, version: str, budget: Budget) -> Iterator[Figure]:
    unit = budget_unit(budget)
    yield Figure(name, version, "", "", f"budget {budget.name}", budget.measured, unit)
    yield Figure(name, version, "", "", f"limit {budget.name}", budget.limit, unit)
    yield Figure(name, version, "", "", f"verdict {budget.name}", budget.verdict, "")


def _regression(name: str, version: str, regression: Regression) -> Iterator[Figure]:
    for which, ratio in (("", regression.ratio), (" control", regression.control)):
        for field in ("ratio", "low", "high"):
            yield Figure(name, version, "go", "", f"regression{which} {field}", getattr(ratio, field), "")
    yield Figure(name, version, "go", "", "regression at_least", regression.at_least, "")
    yield Figure(name, version, "go", "", "regression control at_least", regression.control_at_least, "")
    yield Figure(name, version, "go", "", "regression slower_by", regression.slower_by_ms, "ms")
    yield Figure(name, version, "go", "", "verdict regression", regression.verdict, "")


def _parity(name: str, version: str, parity: Parity) -> Iterator[Figure]:
    for result in parity.results:
        metric = f"{result.check} {result.output} {result.group}"
        yield Figure(name, version, result.runtime, "", metric, result.worst, "")
        yield Figure(name, version, result.runtime, "", f"{metric} limit", result.limit, "")


def _errors(bundle: BundleFindings) -> Iterator[Figure]:
    name, version = bundle.metadata.name, bundle.metadata.version
    for profile in bundle.errors:
        for index, worst in enumerate(profile.worst):
            metric = f"error {profile.output} {profile.axis} {index}"
            yield Figure(name, version, profile.runtime, "", metric, worst, "")


def _as_compiled(name: str, version: str, measurements: Measurements) -> Iterator[Figure]:
    for run in measurements.runs:
        yield from _fields(name, version, run.runtime, "compile", run)
    yield Figure(name, version, "source", "compile", "p50", measurements.source_p50_ms, "ms")


def _fields(name: str, version: str, runtime: str, process: str, run: object) -> Iterator[Figure]:
    """Yield each number of a dataclass; its name says the unit."""
    for field in dataclasses.fields(run):  # type: ignore[arg-type]
        value = getattr(run, field.name)
        if isinstance(value, str):
            continue
        suffix = next((ending for ending in UNITS if field.name.endswith(ending)), "")
        metric, unit = field.name.removesuffix(suffix), UNITS.get(suffix, "")
        yield Figure(name, version, runtime, process, metric, int(value) if isinstance(value, bool) else value, unit)

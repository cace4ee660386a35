"""The findings as a comment on a pull request: the verdict and its reasons, one table, the rest folded away."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from dwcpc.bench.budgets import CPU, LATENCY, MEMORY, SIZE
from dwcpc.bench.reports.markdown_table import escaped, table
from dwcpc.bench.reports.wording import (
    MARKS,
    NOT_MEASURED,
    budget_figure,
    budget_name,
    check_name,
    check_outcome,
    count_of,
    duration,
    made_by,
    marked,
    measured_how,
    megabytes,
    reasons_of,
    regression_figure,
    title,
)

if TYPE_CHECKING:
    from dwcpc.bench.findings import BundleFindings, Environment, Findings, Regression, RuntimeRuns
    from dwcpc.compiler.metadata import Budget

MAX_CHARACTERS = 60_000  # a comment on GitHub holds 65,536
LEFT_OUT = "The details are left out, as they would not fit into a comment; the JSON and the HTML report hold them."
COLUMNS = (LATENCY, SIZE, MEMORY, CPU)
HEADS = ("", "bundle", "parity", "latency, p99 in Go", "size", "memory", "processor", "against the baseline")


def render(findings: Findings) -> str:
    """Return the comment; without its details where it would be too long for one."""
    summary = _summary(findings)
    whole = "\n\n".join([*summary, *map(_details, findings.bundles), *_environment(findings.environment)]) + "\n"
    return whole if len(whole) <= MAX_CHARACTERS else "\n\n".join([*summary, LEFT_OUT]) + "\n"


def _summary(findings: Findings) -> list[str]:
    parts = [f"## {marked(findings.verdict)}: {made_by(findings)}, {_bundles(findings)}"]
    if reasons := reasons_of(findings):
        parts.append("\n".join(f"- {escaped(reason)}" for reason in reasons))
    if (how := measured_how(findings)) is not None:
        parts.append(f"> {how}")
    if findings.bundles:
        parts.append(table(HEADS, map(_row, findings.bundles)))
    if findings.together is not None:
        together = findings.together
        parts.append(
            f"All bundles in one process: {escaped(budget_figure(together))} {MARKS[together.verdict]} "
            f"{escaped(together.reason)}"
        )
    return parts


def _bundles(findings: Findings) -> str:
    count = len(findings.bundles)
    if count == 1:
        return escaped(title(findings.bundles[0]))
    return f"{count} bundles ({count_of(bundle.verdict for bundle in findings.bundles)})" if count else "no bundle"


def _row(bundle: BundleFindings) -> tuple[str, ...]:
    budgets = {budget.name: budget for budget in bundle.budgets}
    parity, regression = bundle.parity, bundle.regression
    return (
        MARKS[bundle.verdict],
        f"**{escaped(title(bundle))}** {escaped(bundle.metadata.target)}",
        NOT_MEASURED if parity is None else MARKS[parity.verdict],
        *(_cell(budgets.get(name)) for name in COLUMNS),
        "no baseline" if regression is None else f"{MARKS[regression.verdict]} {escaped(str(regression.ratio))}",
    )


def _cell(budget: Budget | None) -> str:
    if budget is None:
        return NOT_MEASURED
    text = NOT_MEASURED if budget.measured is None else escaped(budget_figure(budget))
    return f"{MARKS[budget.verdict]} {text}"


def _details(bundle: BundleFindings) -> str:
    parts = [f"<details><summary>{MARKS[bundle.verdict]} {html.escape(title(bundle))}</summary>", _about(bundle)]
    if bundle.budgets:
        parts.append(table(("", "budget", "measured", "reason"), map(_budget_row, bundle.budgets)))
    if bundle.regression is not None:
        parts.append(_regression(bundle.regression))
    if bundle.runs:
        parts.append(table(RUN_HEADS, [row for runs in bundle.runs for row in _run_rows(runs)]))
    parts.append(_parity(bundle))
    parts += [f"- note: {escaped(note)}" for note in bundle.notes]
    return "\n\n".join([*parts, "</details>"])


def _about(bundle: BundleFindings) -> str:
    metadata = bundle.metadata
    source = f"{metadata.source.framework} {metadata.source.kind} {metadata.source.file}"
    return (
        f"{escaped(bundle.path)}: from {escaped(source)}, {metadata.model.nodes} nodes, {megabytes(bundle.size_bytes)} "
        f"in {len(bundle.files)} files"
    )


def _budget_row(budget: Budget) -> tuple[str, ...]:
    return MARKS[budget.verdict], escaped(budget_name(budget)), escaped(budget_figure(budget)), escaped(budget.reason)


def _regression(regression: Regression) -> str:
    return (
        f"Against the baseline: {marked(regression.verdict)}, time {escaped(regression_figure(regression))} (99 % "
        f"interval), at least {regression.at_least:.3f} of it; the control, the baseline against itself: "
        f"{escaped(str(regression.control))}; {escaped(regression.reason)}"
    )


RUN_HEADS = ("runtime", "process", "p50", "p99", "99 % bound of p99", "p99.9", "CPU p50", "load", "memory", "calls")


def _run_rows(runs: RuntimeRuns) -> list[tuple[str, ...]]:
    return [
        (
            escaped(runs.runtime),
            str(number),
            *map(duration, (run.p50_ms, run.p99_ms, run.p99_upper_ms, run.p999_ms, run.cpu_p50_ms, run.load_ms)),
            megabytes(run.peak_memory_bytes),
            f"{run.calls}" if run.settled else f"{run.calls}, never settled",
        )
        for number, run in enumerate(runs.processes, start=1)
    ]


def _parity(bundle: BundleFindings) -> str:
    parity = bundle.parity
    if parity is None:
        return "Parity was not measured."
    failed = [result for result in parity.results if not result.passed]
    head = (
        f"Parity with the source in {parity.reference}: {len(parity.results) - len(failed)} of {len(parity.results)} "
    )
    lines = [f"{MARKS['fail']} {escaped(check_name(result))}: {escaped(check_outcome(result))}" for result in failed]
    return "\n".join([f"{head}checks passed.", *(f"- {line}" for line in lines)])


def _environment(environment: Environment | None) -> list[str]:
    if environment is None:
        return []
    versions = ", ".join(f"{name} {version}" for name, version in environment.versions.items())
    busy = f"load {environment.load_1m:g}, steal {environment.steal_percent:g} %"
    where = f"{environment.cpu}, {environment.cores} cores, {environment.platform}, {busy}; {versions}"
    return [f"Measured on {escaped(where)}."]

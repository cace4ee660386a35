"""The summary on the terminal: what was made, whether it is the same model, what it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dwcpc.bench.budgets import CPU, DECLARED_RATE_PER_S, LATENCY, MEMORY, SIZE

if TYPE_CHECKING:
    from dwcpc.bench.reports.summary import Summary
    from dwcpc.compiler.metadata import Budget, CheckResult, Measurements, Parity

MARKS = {"pass": "✔", "fail": "✘", "inconclusive": "?"}
LABEL_WIDTH = 9


def render(summary: Summary) -> str:
    """Return the summary as lines of text."""
    metadata = summary.metadata
    model = metadata.model
    lines = [
        f"{metadata.name} v{metadata.version}   {metadata.target}   {summary.size_bytes / 1e6:.1f} MB   "
        f"{model.nodes} nodes (exported {model.nodes_exported})"
    ]
    if metadata.parity is not None:
        lines += render_parity(metadata.parity)
    if metadata.measurements is not None:
        lines += _render_measurements(metadata.measurements, {budget.name: budget for budget in metadata.budgets})
    lines += [_line("note", note) for note in metadata.source.notes]
    lines.append(f"{summary.verdict}: {summary.path}")
    if summary.report is not None:
        lines.append(f"report: {summary.report}")
    return "\n".join(lines)


def render_parity(parity: Parity) -> list[str]:
    """Return the line on parity and one line for each check that failed."""
    runtimes = dict.fromkeys(result.runtime for result in parity.results if "=" not in result.runtime)
    marks = []
    for runtime in runtimes:
        passed = all(result.passed for result in parity.results if result.runtime == runtime)
        marks.append(f"{runtime} {MARKS['pass' if passed else 'fail']}")
    equal = [result for result in parity.results if result.check == "bit_equality"]
    if equal:
        marks.append("go = python bit for bit" if sum(result.worst for result in equal) == 0 else "go ≠ python")
    close = [result for result in parity.results if result.check == "closeness"]
    if close:
        worst = max(close, key=_share_of_limit)
        marks.append(f"max |Δ| {worst.worst:.1e} of {worst.limit:.1e} ({worst.output}, {worst.group})")
    lines = [_line("parity", "  ".join(marks))]
    decided = [
        result for result in parity.results if result.check == "decisions" and result.runtime == next(iter(runtimes))
    ]
    if decided:
        flips = sum(int(result.worst) for result in decided)
        lines.append(
            _line("", f"score flips {flips}/{sum(result.rows for result in decided)}   reference {parity.reference}")
        )
    for result in parity.results:
        if not result.passed:
            what = f"{result.check} of {result.output} on {result.group} rows in {result.runtime}"
            lines.append(_line(MARKS["fail"], f"{what}: {result.worst:.3g}, allowed {result.limit:.3g}  {result.note}"))
    return lines


def _share_of_limit(result: CheckResult) -> float:
    return result.worst / result.limit if result.limit else float(result.worst > 0)


def _render_measurements(measurements: Measurements, budgets: dict[str, Budget]) -> list[str]:
    runs = {run.runtime: run for run in measurements.runs}
    lines = []
    if "go" in runs:
        go = runs["go"]
        rest = [_judged(budgets, LATENCY, "budget {limit:g} ms")]
        if "python" in runs:
            rest.append(f"python {runs['python'].p50_ms:.3g} ms")
        if measurements.source_p50_ms is not None:
            rest.append(f"source model {measurements.source_p50_ms:.3g} ms")
        lines.append(
            _line("latency", f"p50 {go.p50_ms:.3g} ms  p99 {go.p99_ms:.3g} ms  (go, 1 thread)   " + "   ".join(rest))
        )
        lines.append(_line("load", f"{go.load_ms:.3g} ms, first call {go.first_call_ms:.3g} ms"))
    parts = [
        _judged(budgets, MEMORY, "memory {measured:.0f} of {limit:g} MB"),
        _judged(budgets, CPU, f"cpu {{measured:.2g}} % of a core at {DECLARED_RATE_PER_S:g}/s"),
        _judged(budgets, SIZE, "size {measured:.1f} of {limit:g} MB"),
    ]
    lines.append(_line("budgets", "   ".join(parts)))
    lines += [
        _line(MARKS[budget.verdict], f"{budget.name}: {budget.reason}")
        for budget in budgets.values()
        if budget.verdict != "pass"
    ]
    return lines


def _judged(budgets: dict[str, Budget], name: str, template: str) -> str:
    budget = budgets[name]
    text = (
        f"{name} not measured"
        if budget.measured is None
        else template.format(limit=budget.limit, measured=budget.measured)
    )
    return f"{text} {MARKS[budget.verdict]}"


def _line(label: str, text: str) -> str:
    return f"  {label:<{LABEL_WIDTH}} {text}"

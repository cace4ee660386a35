"""The summary on the terminal: what was made, whether it is the same model, what it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dwcpc.bench.budgets import CPU, DECLARED_RATE_PER_S, LATENCY, MEMORY, SIZE
from dwcpc.compiler.trees.fold_scaler import FOLD_SCALERS

if TYPE_CHECKING:
    from dwcpc.bench.reports.summary import Summary
    from dwcpc.compiler.metadata import Budget, CheckResult, Measurements, Parity

MARKS = {"pass": "✔", "fail": "✘", "inconclusive": "?"}
RUNTIMES = ("python", "go")
LABEL_WIDTH = 9
SHORT_MS = 0.1  # below which microseconds read better


def render(summary: Summary) -> str:
    """Return the summary as lines of text."""
    metadata = summary.metadata
    model = metadata.model
    lines = [
        f"{metadata.name} v{metadata.version}   {metadata.target}   {summary.size_bytes / 1e6:.3g} MB   "
        f"{model.nodes} nodes (exported {model.nodes_exported})"
    ]
    if metadata.parity is not None:
        lines += render_parity(metadata.parity)
    if metadata.measurements is not None:
        lines += _render_measurements(metadata.measurements, {budget.name: budget for budget in metadata.budgets})
    folded = [record for record in metadata.passes if record.name == FOLD_SCALERS and record.changed]
    lines += [_line("scaler", f"folded into the trees: {record.changed} thresholds moved") for record in folded]
    lines += [_line("note", note) for note in metadata.source.notes]
    lines.append(f"{summary.verdict}: {summary.path}")
    if summary.report is not None:
        lines.append(f"report: {summary.report}")
    return "\n".join(lines)


def render_parity(parity: Parity) -> list[str]:
    """Return the line on parity and one line for each check that failed."""
    runtimes = [name for name in RUNTIMES if any(result.runtime == name for result in parity.results)]
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
    first = runtimes[0]
    flips = _count(parity, "decisions", "decision flips", first) or _count(parity, "labels", "label flips", first)
    counts = [count for count in (flips, _count(parity, "leaf_paths", "leaf paths changed", first)) if count]
    if counts:
        lines.append(_line("", "   ".join([*counts, f"reference {parity.reference}"])))
    for result in parity.results:
        if not result.passed:
            what = f"{result.check} of {result.output} on {result.group} rows in {result.runtime}"
            lines.append(_line(MARKS["fail"], f"{what}: {result.worst:.3g}, allowed {result.limit:.3g}  {result.note}"))
    return lines


def _count(parity: Parity, check: str, what: str, runtime: str) -> str:
    """Return how many of how many rows a counting check found in `runtime`; nothing where it did not apply."""
    found = [result for result in parity.results if result.check == check and result.runtime == runtime]
    rows = sum(result.rows for result in found)
    return f"{what} {sum(int(result.worst) for result in found)}/{rows}" if found else ""


def _duration(milliseconds: float) -> str:
    return f"{milliseconds:.3g} ms" if milliseconds >= SHORT_MS else f"{milliseconds * 1000:.3g} µs"


def _share_of_limit(result: CheckResult) -> float:
    return result.worst / result.limit if result.limit else float(result.worst > 0)


def _render_measurements(measurements: Measurements, budgets: dict[str, Budget]) -> list[str]:
    runs = {run.runtime: run for run in measurements.runs}
    lines = []
    if "go" in runs:
        go = runs["go"]
        rest = [_judged(budgets, LATENCY, "budget {limit:g} ms")]
        if "python" in runs:
            rest.append(f"python {_duration(runs['python'].p50_ms)}")
        if measurements.source_p50_ms is not None:
            rest.append(f"source model {_duration(measurements.source_p50_ms)}")
        percentiles = f"p50 {_duration(go.p50_ms)}  p99 {_duration(go.p99_ms)}  (go, 1 thread)"
        lines.append(_line("latency", "   ".join([percentiles, *rest])))
        lines.append(_line("load", f"{_duration(go.load_ms)}, first call {_duration(go.first_call_ms)}"))
    parts = [
        _judged(budgets, MEMORY, "memory {measured:.0f} of {limit:g} MB"),
        _judged(budgets, CPU, f"cpu {{measured:.2g}} % of a core at {DECLARED_RATE_PER_S:g}/s"),
        _judged(budgets, SIZE, "size {measured:.3g} of {limit:g} MB"),
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

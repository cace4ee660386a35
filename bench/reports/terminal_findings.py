"""What a gate or a bench found, on the terminal: a few lines for each bundle, the verdict last."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from dwcpc.bench.budgets import CPU, LATENCY
from dwcpc.bench.reports.terminal import LABEL_WIDTH, MARKS, SHORT_MS, render_parity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dwcpc.bench.findings import BundleFindings, Environment, Findings, Load, Regression, RuntimeRuns
    from dwcpc.compiler.metadata import Budget

BUSY_CORES = 0.05  # of others, from which they are worth a word


def render(findings: Findings) -> str:
    """Return the findings as lines of text."""
    lines = [line for bundle in findings.bundles for line in _bundle(bundle)]
    if findings.together is not None:
        budget = findings.together
        lines.append(f"{MARKS[budget.verdict]} all bundles in one process: {_amount(budget)}")
    if findings.environment is not None:
        lines.append(_where(findings.environment))
    lines += [f"{MARKS[findings.verdict]} {reason}" for reason in findings.reasons]
    return "\n".join([*lines, f"{findings.verdict}: {_count(findings.bundles)}"])


def _bundle(bundle: BundleFindings) -> list[str]:
    metadata = bundle.metadata
    head = (
        f"{metadata.name} v{metadata.version}   {MARKS[bundle.verdict]} {bundle.verdict}   {metadata.target}   "
        f"{bundle.size_bytes / 1e6:.3g} MB   {metadata.model.nodes} nodes"
    )
    lines = [head]
    if bundle.parity is not None:
        lines += render_parity(bundle.parity)
    limits = {budget.name: budget for budget in bundle.budgets}
    for index, runs in enumerate(sorted(bundle.runs, key=lambda runs: runs.runtime)):  # Go, which decides, first
        lines.append(_line("latency" if index == 0 else "", _runtime(runs, limits.get(LATENCY))))
    lines += [_line("load", _load(load)) for load in bundle.loads]
    rest = [f"{_amount(budget)} {MARKS[budget.verdict]}" for budget in bundle.budgets if budget.name != LATENCY]
    lines.append(_line("budgets", "   ".join(rest)))
    if bundle.regression is not None:
        lines.append(_line("baseline", _regression(bundle.regression)))
    lines += [_line("note", note) for note in bundle.notes]
    return lines + [_line(MARKS[bundle.verdict], reason) for reason in bundle.reasons]


def _runtime(runs: RuntimeRuns, budget: Budget | None) -> str:
    taken = runs.processes
    p50_ms, p99_ms, first_ms, load_ms, cpu_ms = (
        statistics.median(values)
        for values in zip(
            *((run.p50_ms, run.p99_ms, run.first_call_ms, run.load_ms, run.cpu_p50_ms) for run in taken), strict=True
        )
    )
    about = f"{runs.runtime:<6} p50 {_duration(p50_ms)}  p99 {_duration(p99_ms)}  cpu {_duration(cpu_ms)}"
    rest = (
        f"load {_duration(load_ms)}, first call {_duration(first_ms)}, {len(taken)} process{'es' * (len(taken) != 1)}"
    )
    limit = "" if budget is None or runs.runtime != "go" else f"   budget {budget.limit:g} ms {MARKS[budget.verdict]}"
    return f"{about}{limit}   {rest}{_others(runs)}"


def _others(runs: RuntimeRuns) -> str:
    told = [run.others_cores for run in runs.processes if run.others_cores is not None]
    busy = statistics.median(told) if told else 0.0
    return f", others used {busy:.1f} cores" if busy >= BUSY_CORES else ""


def _load(load: Load) -> str:
    how = (
        f"{load.concurrency} callers at once" if load.rate_per_s is None else f"{load.rate_per_s:g} calls due a second"
    )
    times = f"p50 {_duration(load.p50_ms)}  p99 {_duration(load.p99_ms)}  max {_duration(load.max_ms)}"
    return f"{how}: {load.served_per_s:.4g} served a second, {times}"


def _regression(regression: Regression) -> str:
    return (
        f"{regression.ratio} of the time of {regression.baseline} {MARKS[regression.verdict]}   "
        f"itself {regression.control}"
    )


def _amount(budget: Budget) -> str:
    what, _, unit = budget.name.rpartition("_")
    unit = {"mb": "MB", "percent": "%", "ms": "ms"}.get(unit, unit)
    measured = "not measured" if budget.measured is None else f"{budget.measured:.3g}"
    rate = f" {budget.reason}" if budget.name == CPU and budget.measured is not None else ""
    return f"{what.replace('_', ' ')} {measured} of {budget.limit:g} {unit}{rate}"


def _where(environment: Environment) -> str:
    governor = "" if environment.governor is None else f", governor {environment.governor}"
    throttled = f", throttled {environment.throttled} times" if environment.throttled else ""
    return (
        f"on {environment.cpu}, {environment.cores} cores{governor}, load {environment.load_1m:g}, "
        f"steal {environment.steal_percent:g} %{throttled}"
    )


def _count(bundles: Iterable[BundleFindings]) -> str:
    verdicts = [bundle.verdict for bundle in bundles]
    counts = [f"{verdicts.count(verdict)} {verdict}" for verdict in MARKS if verdict in verdicts]
    return f"{len(verdicts)} bundle{'s' * (len(verdicts) != 1)}, " + ", ".join(counts)


def _duration(milliseconds: float) -> str:
    return f"{milliseconds:.3g} ms" if milliseconds >= SHORT_MS else f"{milliseconds * 1000:.3g} µs"


def _line(label: str, text: str) -> str:
    return f"  {label:<{LABEL_WIDTH}} {text}"

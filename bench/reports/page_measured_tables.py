"""The HTML report's tables of what was measured: budgets, processes, load, regression, versions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dwcpc.bench.budgets import CPU, LATENCY, MEMORY, SIZE
from dwcpc.bench.reports.page_table import NONE, Table, columns, table_of
from dwcpc.bench.reports.plots.axes import runtime_name
from dwcpc.bench.reports.wording import NOT_MEASURED, budget_figure, budget_name, budget_unit, figure, marked, title

if TYPE_CHECKING:
    from dwcpc.bench.findings import BundleFindings, Load, Published, Regression, RuntimeRuns
    from dwcpc.compiler.metadata import Budget, Measurements


def bundles_table(bundles: Sequence[BundleFindings]) -> Table:
    """Return the overview."""
    heads = ("bundle", "verdict", "target", "parity", "latency, p99", "size", "memory", "processor", "time / baseline")
    rows = []
    for bundle in bundles:
        budgets = {
            budget.name: NOT_MEASURED if budget.measured is None else budget_figure(budget) for budget in bundle.budgets
        }
        rows.append(
            (
                title(bundle),
                marked(bundle.verdict),
                bundle.metadata.target,
                NOT_MEASURED if bundle.parity is None else marked(bundle.parity.verdict),
                *(budgets.get(name, NONE) for name in (LATENCY, SIZE, MEMORY, CPU)),
                NONE if bundle.regression is None else f"{bundle.regression.ratio.ratio:.3f}",
            )
        )
    return table_of("The bundles", heads, rows, words=(0, 1, 2, 3))


def budgets_table(budgets: Sequence[Budget]) -> Table:
    """Return each budget with its verdict and reason."""
    rows = [
        (budget_name(b), marked(b.verdict), figure(b.measured), figure(b.limit), budget_unit(b), b.reason)
        for b in budgets
    ]
    return table_of("Budgets", ("budget", "verdict", "measured", "limit", "unit", "reason"), rows, words=(0, 1, 4, 5))


def processes_table(runs: Sequence[RuntimeRuns]) -> Table:
    """Return every process's figures."""
    listed = [(each.runtime, number, run) for each in runs for number, run in enumerate(each.processes, start=1)]
    figures = columns(
        [
            (
                *(run.p50_ms, run.p90_ms, run.p99_ms, run.p99_upper_ms, run.p999_ms, run.max_ms),
                *(run.cpu_p50_ms, run.cpu_p99_upper_ms, run.load_ms, run.first_call_ms),
                *(run.peak_memory_bytes / 1e6, run.probe_before_ms, run.probe_after_ms),
            )
            for _, _, run in listed
        ]
    )
    rows = [
        (runtime_name(runtime), str(number), *cells, str(run.calls), "yes" if run.settled else "no")
        for (runtime, number, run), cells in zip(listed, figures, strict=True)
    ]
    heads = (
        *("runtime", "process", "p50", "p90", "p99", "p99 at most", "p99.9", "max", "CPU p50", "CPU p99 at most"),
        *("load", "first call", "memory, MB", "probe before", "probe after", "calls", "settled"),
    )
    return table_of("Processes; times in ms, bounds hold with 99 %", heads, rows, words=(0, 16))


def as_compiled_table(measurements: Measurements) -> Table:
    """Return what the bundle says of the day it was compiled."""
    figures = columns(
        [
            (
                *(run.p50_ms, run.p90_ms, run.p99_ms, run.p99_upper_ms, run.max_ms, run.cpu_p50_ms),
                *(run.load_ms, run.first_call_ms, run.peak_memory_bytes / 1e6),
            )
            for run in measurements.runs
        ]
    )
    rows = [
        (runtime_name(run.runtime), run.onnxruntime, *cells, str(run.calls))
        for run, cells in zip(measurements.runs, figures, strict=True)
    ]
    heads = ("runtime", "onnxruntime", "p50", "p90", "p99", "p99 at most", "max", "CPU p50", "load", "first call")
    return table_of("One process each; times in ms", (*heads, "memory, MB", "calls"), rows, words=(0, 1))


def loads_table(loads: Sequence[Load]) -> Table:
    """Return how the Go process did under load."""
    figures = columns([(load.served_per_s, load.p50_ms, load.p99_ms, load.max_ms) for load in loads])
    rows = [
        (
            "open loop" if load.kind == "open" else "at once",
            str(load.concurrency),
            NONE if load.rate_per_s is None else f"{load.rate_per_s:g}",
            *cells,
            str(load.calls),
        )
        for load, cells in zip(loads, figures, strict=True)
    ]
    heads = ("calls arrive", "callers", "asked for, 1/s", "served, 1/s", "p50, ms", "p99, ms", "max, ms", "calls")
    return table_of("The Go process under load", heads, rows)


def regression_table(regression: Regression) -> Table:
    """Return the ratios with their 99 % intervals."""
    rows = [
        (name, *(f"{value:.3f}" for value in (ratio.ratio, ratio.low, ratio.high, at_least)))
        for name, ratio, at_least in (
            ("this bundle / its baseline", regression.ratio, regression.at_least),
            ("the baseline / itself", regression.control, regression.control_at_least),
        )
    ]
    return table_of("Paired times", ("pair", "ratio", "low", "high", "at least"), rows)


def history_table(versions: Sequence[Published]) -> Table:
    """Return the versions of one model, the newest first."""
    newest = versions[::-1]
    figures = columns(
        [(each.go_p50_ms, each.go_p99_ms, _mb(each.size_bytes), _mb(each.go_peak_memory_bytes)) for each in newest]
    )
    rows = [
        (
            f"v{each.version}{', latest' if each.latest else ''}",
            marked(each.verdict),
            each.target,
            each.created[:10],
            *cells,
        )
        for each, cells in zip(newest, figures, strict=True)
    ]
    heads = ("version", "verdict", "target", "made", "p50, ms", "p99, ms", "size, MB", "memory, MB")
    return table_of("Versions, as measured when they were compiled", heads, rows, words=(0, 1, 2, 3))


def _mb(size_bytes: int | None) -> float | None:
    return None if size_bytes is None else size_bytes / 1e6

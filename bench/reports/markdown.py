"""The report as Markdown: for a pull request, or to read beside the bundle. Only what was measured is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dwcpc.bench.reports.markdown_table import table
from dwcpc.bench.reports.wording import marked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dwcpc.bench.reports.summary import Summary
    from dwcpc.compiler.metadata import Budget, Measurements, Metadata, Parity, PrecisionSearch


def render(summary: Summary) -> str:
    """Return the report."""
    metadata = summary.metadata
    parts = [f"# {metadata.name} v{metadata.version}: {marked(summary.verdict)}", _what(metadata, summary.size_bytes)]
    if metadata.budgets:
        parts.append(_budgets(metadata.budgets))
    if metadata.measurements is not None:
        parts.append(_latency(metadata.measurements))
    if metadata.parity is not None:
        parts.append(_parity(metadata.parity))
    if metadata.precision_search is not None:
        parts.append(_search(metadata.precision_search))
    parts.append(_precision(metadata))
    parts.append(_passes(metadata))
    return "\n\n".join(parts) + "\n"


def _what(metadata: Metadata, size_bytes: int) -> str:
    source, model = metadata.source, metadata.model
    decision = metadata.decision
    lines = [
        f"- source: {source.framework} {source.framework_version} {source.kind} `{source.file}` "
        f"({source.architecture or metadata.model_type}), SHA-256 `{source.sha256[:16]}…`",
        f"- target {metadata.target}, {model.nodes} nodes (exported {model.nodes_exported}), {size_bytes} bytes, "
        f"made {metadata.created} by {metadata.compiler}",
        f"- scaler: {metadata.scaler.type}, applied by the {metadata.scaler.applied}",
    ]
    if decision is not None:
        lines.append(
            f"- anomaly: `{decision.score}` {decision.comparison} {decision.threshold:g} ({decision.definition})"
        )
    return "\n".join([*lines, *(f"- note: {note}" for note in source.notes)])


def _budgets(budgets: Sequence[Budget]) -> str:
    rows = (
        (
            b.name,
            f"{b.limit:g}",
            "not measured" if b.measured is None else f"{b.measured:.4g}",
            marked(b.verdict),
            b.reason,
        )
        for b in budgets
    )
    return "## Budgets\n\n" + table(("budget", "limit", "measured", "verdict", "reason"), rows)


def _latency(measurements: Measurements) -> str:
    rows: list[tuple[str, ...]] = [
        (
            f"{run.runtime}, onnxruntime {run.onnxruntime}",
            *(
                f"{value:.3f}"
                for value in (run.p50_ms, run.p90_ms, run.p99_ms, run.p99_upper_ms, run.max_ms, run.cpu_p50_ms)
            ),
            f"{run.load_ms:.1f}",
            f"{run.first_call_ms:.2f}",
            f"{run.peak_memory_bytes / 1e6:.0f}",
            str(run.calls),
        )
        for run in measurements.runs
    ]
    heads = ("ms", "p50", "p90", "p99", "p99, 99 % bound", "max", "CPU p50", "load", "first call", "peak MB", "calls")
    machine, p50_ms = measurements.machine, measurements.source_p50_ms
    where = f"{machine.cpu}, {machine.cores} cores, {machine.platform}, "
    busy = f"load {machine.load_1m}, steal {machine.steal_percent} %."
    source = "" if p50_ms is None else f" The source model itself: p50 {p50_ms:.3f} ms."
    about = f"Batch 1, one thread, a fresh process each, on {where}{busy}{source}"
    return f"## Latency\n\n{about}\n\n" + table(heads, rows)


def _parity(parity: Parity) -> str:
    rows = (
        (
            r.check,
            r.runtime,
            r.output,
            r.group,
            f"{r.worst:.3g}",
            f"{r.limit:.3g}",
            str(r.rows),
            "✔" if r.passed else "✘",
            r.note,
        )
        for r in parity.results
    )
    heads = ("check", "runtime", "output", "rows of", "worst", "allowed", "rows", "", "note")
    about = f"Reference: the source model in {parity.reference}, seed {parity.seed}. {marked(parity.verdict)}."
    return f"## Parity\n\n{about}\n\n" + table(heads, rows)


def _search(search: PrecisionSearch) -> str:
    rows = (
        (
            "→" if each.chosen else "",
            each.name,
            f"{each.sqnr_db:.1f}",
            str(each.flips),
            "" if each.worst_row is None else f"{each.worst_row:.2f}",
            str(each.model_bytes),
            "" if each.latency is None else str(each.latency),
            each.reason,
        )
        for each in search.candidates
    )
    heads = ("", "layers", "dB, 95 % sure", "flips", "worst row", "bytes", "time of float32's", "reason")
    rounded = f"Rounded by {search.calibration.rows} rows ({search.calibration.kind}: {search.calibration.note}). "
    worst = "The worst row's error is a share of what a single row may err."
    about = f"{rounded}Asked for: {search.min_sqnr_db:g} dB. {worst} Time is paired, through Go."
    return f"## Precision search\n\n{about}\n\n" + table(heads, rows)


def _precision(metadata: Metadata) -> str:
    rows = ((each.layer, each.op, each.precision, each.reason) for each in metadata.precision)
    return "## Precision of each layer\n\n" + table(("layer", "operator", "precision", "why"), rows)


def _passes(metadata: Metadata) -> str:
    rows = (
        (p.name, str(p.changed), str(p.nodes), "" if p.effect is None else str(p.effect), "; ".join(p.refused))
        for p in metadata.passes
    )
    return "## Passes\n\n" + table(("pass", "changed", "nodes after", "time after / before", "refused"), rows)

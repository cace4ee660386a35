"""The summary on the terminal: what was made, whether it is the same model, what it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dwcpc.bench.budgets import CPU, DECLARED_RATE_PER_S, LATENCY, MEMORY, SIZE
from dwcpc.bench.reports.wording import MARKS, check_name, duration
from dwcpc.compiler.trees.fold_scaler import FOLD_SCALERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dwcpc.bench.reports.summary import Summary
    from dwcpc.compiler.metadata import (
        Budget,
        CheckResult,
        LayerPrecision,
        Measurements,
        Parity,
        PrecisionSearch,
        StepRecord,
    )

RUNTIMES = ("python", "go")
LABEL_WIDTH = 9


def render(summary: Summary, *, verbose: bool = False) -> str:
    """Return the summary as lines of text; `verbose` with what each pass did and why each layer has its precision."""
    metadata = summary.metadata
    model = metadata.model
    lines = [
        f"{metadata.name} v{metadata.version}   {metadata.target}   {summary.size_bytes / 1e6:.3g} MB   "
        f"{model.nodes} nodes (exported {model.nodes_exported})"
    ]
    if metadata.parity is not None:
        lines += render_parity(metadata.parity)
    if metadata.precision_search is not None:
        lines += render_search(metadata.precision_search)
    if metadata.measurements is not None:
        lines += _render_measurements(metadata.measurements, {budget.name: budget for budget in metadata.budgets})
    folded = [record for record in metadata.passes if record.name == FOLD_SCALERS and record.changed]
    lines += [line("scaler", f"folded into the trees: {record.changed} thresholds moved") for record in folded]
    if verbose:
        lines += [*_render_passes(metadata.passes), *_render_layers(metadata.precision)]
    lines += [line("note", note) for note in metadata.source.notes]
    lines.append(f"{summary.verdict}: {summary.path}")
    if summary.report is not None:
        lines.append(f"report: {summary.report}")
    return "\n".join(lines)


def _render_passes(passes: Sequence[StepRecord]) -> list[str]:
    lines = []
    for each in passes:
        effect = "" if each.effect is None else f", {each.effect.ratio:.2f} of the time before"
        did = f"{each.changed} changed, {each.nodes} nodes{effect}" if each.changed else "nothing to do"
        lines.append(line("pass", "; ".join([f"{each.name}: {did}", *(f"not {why}" for why in each.refused)])))
    return lines


def _render_layers(layers: Sequence[LayerPrecision]) -> list[str]:
    return [line("layer", f"{each.layer} ({each.op}): {each.precision}; {each.reason}") for each in layers]


def render_search(search: PrecisionSearch) -> list[str]:
    """Return a line for each candidate of a precision search, the fastest first, with what it lost by."""
    heads = f"{'dB':>5}  {'time':>4}  {'MB':>5}   of {search.min_sqnr_db:g} dB asked for; time as a share of cpu-fp32's"
    lines = [line("precision", heads)]
    for each in sorted(search.candidates, key=lambda each: 1.0 if each.latency is None else each.latency.ratio):
        time = "    " if each.latency is None else f"{each.latency.ratio:.2f}"
        figures = f"{each.sqnr_db:5.1f}  {time}  {each.model_bytes / 1e6:5.3g}"
        told = "" if each.chosen else f" ({each.reason})"
        lines.append(line("→" if each.chosen else "", f"{figures}   {each.name}{told}"))
    if search.calibration.kind == "drawn":
        lines.append(line("note", f"rows to round by were {search.calibration.note}"))
    return lines


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
    noise = [result for result in parity.results if result.check == "noise"]
    close = [result for result in parity.results if result.check == "closeness"]
    if noise:
        worst = noise[0]
        marks.append(f"noise {-worst.worst:.1f} dB below the signal, {-worst.limit:g} asked for ({worst.group})")
    elif close:
        worst = max(close, key=_share_of_limit)
        marks.append(f"max |Δ| {worst.worst:.1e} of {worst.limit:.1e} ({worst.output}, {worst.group})")
    lines = [line("parity", "  ".join(marks))]
    first = runtimes[0]
    flips = _count(parity, "decisions", "decision flips", first) or _count(parity, "labels", "label flips", first)
    counts = [count for count in (flips, _count(parity, "leaf_paths", "leaf paths changed", first)) if count]
    if counts:
        lines.append(line("", "   ".join([*counts, f"reference {parity.reference}"])))
    for result in parity.results:
        if not result.passed:
            told = f"{check_name(result)}: {result.worst:.3g}, allowed {result.limit:.3g}  {result.note}"
            lines.append(line(MARKS["fail"], told))
    return lines


def _count(parity: Parity, check: str, what: str, runtime: str) -> str:
    """Return how many of how many rows a counting check found in `runtime`; nothing where it did not apply."""
    found = [result for result in parity.results if result.check == check and result.runtime == runtime]
    rows = sum(result.rows for result in found)
    return f"{what} {sum(int(result.worst) for result in found)}/{rows}" if found else ""


def _share_of_limit(result: CheckResult) -> float:
    return result.worst / result.limit if result.limit else float(result.worst > 0)


def _render_measurements(measurements: Measurements, budgets: dict[str, Budget]) -> list[str]:
    runs = {run.runtime: run for run in measurements.runs}
    lines = []
    if "go" in runs:
        go = runs["go"]
        rest = [_judged(budgets, LATENCY, "budget {limit:g} ms")]
        if "python" in runs:
            rest.append(f"python {duration(runs['python'].p50_ms)}")
        if measurements.source_p50_ms is not None:
            rest.append(f"source model {duration(measurements.source_p50_ms)}")
        percentiles = f"p50 {duration(go.p50_ms)}  p99 {duration(go.p99_ms)}  (go, 1 thread)"
        lines.append(line("latency", "   ".join([percentiles, *rest])))
        lines.append(line("load", f"{duration(go.load_ms)}, first call {duration(go.first_call_ms)}"))
    parts = [
        _judged(budgets, MEMORY, "memory {measured:.0f} of {limit:g} MB"),
        _judged(budgets, CPU, f"cpu {{measured:.2g}} % of a core at {DECLARED_RATE_PER_S:g}/s"),
        _judged(budgets, SIZE, "size {measured:.3g} of {limit:g} MB"),
    ]
    lines.append(line("budgets", "   ".join(parts)))
    lines += [
        line(MARKS[budget.verdict], f"{budget.name}: {budget.reason}")
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


def line(label: str, text: str) -> str:
    """Return one line of a bundle: what it is about, and what there is to say of it."""
    return f"  {label:<{LABEL_WIDTH}} {text}"

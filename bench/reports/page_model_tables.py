"""The HTML report's tables of the model itself: its parity, its errors, its precision, its files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dwcpc.bench.reports.json_document import INFINITE
from dwcpc.bench.reports.page_table import NONE, Table, table_of
from dwcpc.bench.reports.plots.axes import runtime_name
from dwcpc.bench.reports.wording import NOT_MEASURED, figure, marked

if TYPE_CHECKING:
    from dwcpc.bench.findings import ErrorProfile
    from dwcpc.compiler.metadata import CheckResult, LatencyRatio, LayerPrecision, PrecisionSearch, StepRecord


def parity_table(results: Sequence[CheckResult]) -> Table:
    """Return each kind of check: how many passed, and the one nearest to what was allowed."""
    rows = []
    for check in dict.fromkeys(result.check for result in results):
        of_kind = [result for result in results if result.check == check]
        worst = max(of_kind, key=_share_of_limit)
        passed = sum(result.passed for result in of_kind)
        kind = check.replace("_", " ")
        rows.append((kind, f"{passed}/{len(of_kind)}", figure(worst.worst), figure(worst.limit)))
    heads = ("check", "passed", "nearest to its limit", "limit")
    return table_of("Parity by kind of check", heads, rows)


def _share_of_limit(result: CheckResult) -> float:
    if result.limit < 0:  # decibels below the signal
        return result.worst - result.limit
    return result.worst / result.limit if result.limit else float(result.worst > 0) * INFINITE


def checks_table(caption: str, results: Sequence[CheckResult]) -> Table:
    """Return parity checks: what was seen, what was allowed."""
    rows = [
        (
            r.check,
            r.runtime,
            r.output,
            r.group,
            figure(r.worst),
            figure(r.limit),
            str(r.rows),
            marked("pass" if r.passed else "fail"),
            r.note,
        )
        for r in results
    ]
    heads = ("check", "runtime", "output", "rows of", "worst", "allowed", "rows", "verdict", "note")
    return table_of(caption, heads, rows, words=(0, 1, 2, 3, 7, 8))


def errors_table(profiles: Sequence[ErrorProfile]) -> Table:
    """Return the error of one output at each position, and what is allowed there."""
    first = profiles[0]
    heads = (first.axis, *(runtime_name(profile.runtime) for profile in profiles), "allowed")
    figures = zip(*(map(figure, profile.worst) for profile in profiles), map(figure, first.tolerance), strict=True)
    rows = [(str(place), *cells) for place, cells in enumerate(figures)]
    return table_of(f"Largest |error| of {first.output}", heads, rows, words=())


def single_errors_table(profiles: Sequence[ErrorProfile]) -> Table:
    """Return the error of the outputs that are a single value a row."""
    rows = [
        (each.output, runtime_name(each.runtime), figure(each.worst[0]), figure(each.tolerance[0])) for each in profiles
    ]
    return table_of("Largest |error| of single values", ("output", "runtime", "error", "allowed"), rows, words=(0, 1))


def candidates_table(search: PrecisionSearch) -> Table:
    """Return what the search for precision measured, numbered as in its plot."""
    rows = [
        (
            str(number),
            each.name,
            f"{each.sqnr_db:.1f}",
            _ratio(each.latency),
            f"{each.model_bytes / 1e3:.0f}",
            f"{each.flips}/{each.rows}",
            NOT_MEASURED if each.worst_row is None else f"{each.worst_row:.2f}",
            "chosen" if each.chosen else "",
            each.reason,
        )
        for number, each in enumerate(search.candidates, start=1)
    ]
    heads = ("", "layers", "dB", "time / float32", "kB", "flips", "worst row / allowed", "", "why")
    return table_of("Candidates", heads, rows, words=(1, 7, 8))


def _ratio(ratio: LatencyRatio | None) -> str:
    return NOT_MEASURED if ratio is None else str(ratio)


def layers_table(layers: Sequence[LayerPrecision]) -> Table:
    """Return the precision of each layer."""
    rows = [(each.layer, each.op, each.precision, each.reason) for each in layers]
    return table_of("Precision of each layer", ("layer", "operator", "precision", "why"), rows, words=(0, 1, 2, 3))


def passes_table(passes: Sequence[StepRecord]) -> Table:
    """Return what each graph pass did, or why not."""
    rows = [
        (p.name, str(p.changed), str(p.nodes), NONE if p.effect is None else str(p.effect), "; ".join(p.refused))
        for p in passes
    ]
    heads = ("pass", "changed", "nodes after", "time after / before", "refused")
    return table_of("Graph passes", heads, rows, words=(0, 4))


def files_table(files: dict[str, int]) -> Table:
    """Return the bundle's files."""
    return table_of("Files", ("file", "bytes"), [(name, f"{size:,}".replace(",", " ")) for name, size in files.items()])

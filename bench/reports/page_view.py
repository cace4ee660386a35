"""What the HTML report shows of each bundle: its plots and tables, and what it cannot show as it was not measured."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from dwcpc.bench.budgets import LATENCY
from dwcpc.bench.reports import page_measured_tables as measured
from dwcpc.bench.reports import page_model_tables as model
from dwcpc.bench.reports.plots.budgets import budget_plot
from dwcpc.bench.reports.plots.errors import error_plot
from dwcpc.bench.reports.plots.frontier import frontier_plot
from dwcpc.bench.reports.plots.history import history_plot
from dwcpc.bench.reports.plots.latency import latency_plot
from dwcpc.bench.reports.plots.regression import regression_plot
from dwcpc.bench.reports.wording import budget_name, duration, title

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dwcpc.bench.findings import BundleFindings, Findings, Published
    from dwcpc.bench.reports.page_table import Table
    from dwcpc.bench.reports.plots.svg import Plot
    from dwcpc.compiler.metadata import Measurements

SINGLE = "Error of single values"  # a small card, which stands behind the plots
WIDE = 6  # columns that half of the page has no room for


@dataclass(frozen=True, slots=True)
class Card:
    """One section: its heading, a sentence, a plot, and a table that is folded where the plot says the same.

    `split` puts plot and table side by side, both open.
    """

    heading: str
    text: str
    plot: Plot | None
    table: Table | None
    split: bool = False

    @property
    def wide(self) -> bool:
        """Whether it needs the whole width."""
        return self.split or (self.plot is None and self.table is not None and len(self.table.heads) >= WIDE)


@dataclass(frozen=True, slots=True)
class BundleView:
    """One bundle's part of the page; `anchor` is unique on it."""

    anchor: str
    title: str
    findings: BundleFindings
    cards: tuple[Card, ...]
    folded: tuple[Table, ...]
    missing: tuple[str, ...]


def bundle_view(number: int, bundle: BundleFindings) -> BundleView:
    """Make all plots and tables of the page's `number`th bundle."""
    anchor = f"bundle-{number}"
    metadata = bundle.metadata
    folded = [model.files_table(bundle.files), model.passes_table(metadata.passes)]
    if metadata.precision:
        folded.insert(0, model.layers_table(metadata.precision))
    if bundle.parity is not None:
        folded.insert(0, model.checks_table("All parity checks", bundle.parity.results))
    cards = sorted(_cards(anchor, bundle), key=lambda card: (card.wide, card.heading == SINGLE))
    return BundleView(anchor, title(bundle), bundle, tuple(cards), tuple(folded), tuple(_missing(bundle)))


def history_cards(history: Sequence[Published]) -> tuple[Card, ...]:
    """Return a card for each model of the registry."""
    cards = []
    for number, (name, versions) in enumerate(groupby(sorted(history, key=_name), key=_name), start=1):
        listed = tuple(versions)
        plot = history_plot(f"history-{number}", listed)
        text = "From each version's own metadata, of the day it was compiled."
        cards.append(Card(name, text, plot, measured.history_table(listed), split=plot is not None))
    return tuple(cards)


def _name(version: Published) -> str:
    return version.name


def together_card(findings: Findings) -> Card | None:
    """Return the memory of all bundles in one process against its budget."""
    if findings.together is None:
        return None
    plot = budget_plot("together", (findings.together,), "Memory of all bundles in one Go process")
    return Card("All bundles in one process", findings.together.reason, plot, None)


def _cards(anchor: str, bundle: BundleFindings) -> Iterator[Card]:
    yield from _latency(anchor, bundle)
    if bundle.budgets:
        plot = budget_plot(f"{anchor}-budgets", bundle.budgets)
        unknown = ", ".join(budget_name(budget) for budget in bundle.budgets if budget.measured is None)
        yield Card(
            "Budgets", f"Not measured: {unknown}." if unknown else "", plot, measured.budgets_table(bundle.budgets)
        )
    yield from _parity(bundle)
    yield from _errors(anchor, bundle)
    if bundle.regression is not None:
        plot = regression_plot(f"{anchor}-regression", bundle.regression)
        text = f"Against {bundle.regression.baseline}: {bundle.regression.reason}"
        yield Card("Against the baseline", text, plot, measured.regression_table(bundle.regression))
    search = bundle.metadata.precision_search
    if search is not None:
        rounded = f"Rounded by {search.calibration.rows} rows: {search.calibration.note}."
        text = f"Asked for: {search.min_sqnr_db:g} dB. {rounded}"
        yield Card("Precision", text, frontier_plot(f"{anchor}-precision", search), model.candidates_table(search))
    if bundle.loads:
        yield Card("Under load", "", None, measured.loads_table(bundle.loads))
    measurements = bundle.metadata.measurements
    if bundle.runs and measurements is not None:
        yield Card("When it was compiled", _where(measurements), None, measured.as_compiled_table(measurements))


def _latency(anchor: str, bundle: BundleFindings) -> Iterator[Card]:
    """Yield the distributions that were measured; else the percentiles that the bundle itself holds."""
    budget_ms = next((budget.limit for budget in bundle.budgets if budget.name == LATENCY), None)
    key = f"{anchor}-latency"
    measurements = bundle.metadata.measurements
    if bundle.runs:
        curves = {each.runtime: each.ecdf for each in bundle.runs if each.ecdf}
        plot = latency_plot(key, curves, budget_ms, whole=True) if curves else None
        yield Card(
            "Latency", "Batch 1, one thread: copy in, run, copy out.", plot, measured.processes_table(bundle.runs)
        )
    elif measurements is not None and measurements.runs:
        points = {
            run.runtime: ((run.p50_ms, 0.5), (run.p90_ms, 0.9), (run.p99_ms, 0.99), (run.max_ms, 1 - 1 / run.calls))
            for run in measurements.runs
        }
        plot = latency_plot(key, points, budget_ms, whole=False)
        text = f"Percentiles of the day it was compiled. {_where(measurements)}"
        yield Card("Latency", text, plot, measured.as_compiled_table(measurements))


def _where(measurements: Measurements) -> str:
    machine = measurements.machine
    source = measurements.source_p50_ms
    where = f"On {machine.cpu}, {machine.cores} cores, {machine.platform}."
    return where if source is None else f"{where} The source model itself: p50 {duration(source)}."


def _parity(bundle: BundleFindings) -> Iterator[Card]:
    if bundle.parity is None:
        return
    results = bundle.parity.results
    failed = [result for result in results if not result.passed]
    against = {"golden": "the golden vectors"}.get(
        bundle.parity.reference, f"the source model in {bundle.parity.reference}"
    )
    text = (
        f"{len(results) - len(failed)} of {len(results)} checks passed on {sum(bundle.parity.rows.values())} rows, "
        f"against {against}, seed {bundle.parity.seed}."
    )
    yield Card("Parity", text, None, model.parity_table(results))
    if failed:
        yield Card("Failed parity checks", "", None, model.checks_table("Failed checks", failed))


def _errors(anchor: str, bundle: BundleFindings) -> Iterator[Card]:
    text = "On the golden rows, against the source model in float64."
    single = [profile for profile in bundle.errors if len(profile.worst) == 1]
    many = [profile for profile in bundle.errors if len(profile.worst) > 1]
    # Two runtimes are in one plot where they have as many positions, as those of one bundle do.
    for number, (output, length) in enumerate(dict.fromkeys((each.output, len(each.worst)) for each in many), start=1):
        profiles = [each for each in many if (each.output, len(each.worst)) == (output, length)]
        plot = error_plot(f"{anchor}-error-{number}", profiles)
        yield Card(f"Error of {output}", text, plot, model.errors_table(profiles))
    if single:
        yield Card(SINGLE, text, None, model.single_errors_table(single))


def _missing(bundle: BundleFindings) -> Iterator[str]:
    if not bundle.runs:
        yield "latency distributions"
    if bundle.parity is None:
        yield "parity"
    if not bundle.errors:
        yield "errors by position"
    if bundle.regression is None:
        yield "a regression (no baseline)"
    if not bundle.loads:
        yield "load"

"""The HTML page: whole by itself, what was measured and no more, text whatever a name holds, readable colours."""

from __future__ import annotations

import itertools
import math
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from dwcpc.bench.findings import Findings
from dwcpc.bench.reports import page
from dwcpc.bench.reports.json_document import INFINITE
from dwcpc.bench.reports.page_table import column
from dwcpc.bench.reports.plots.axes import log_milliseconds
from dwcpc.bench.reports.plots.budgets import budget_plot
from dwcpc.bench.reports.plots.latency import latency_plot
from dwcpc.bench.reports.plots.svg import VARIABLES, canvas
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.metadata import Budget

CSS = (Path(page.__file__).parent / "templates" / "page.css").read_text(encoding="utf-8")
VOID = {"meta", "link", "br", "hr", "img", "input"}


class Outline(HTMLParser):
    """What is in a page: elements that are closed in order, headings, identities, references."""

    def __init__(self, text: str) -> None:
        """Read all of it."""
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.headings: list[int] = []
        self.ids: list[str] = []
        self.references: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note it."""
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        for name, value in attrs:
            self.attributes.append((name, value or ""))
            if name == "id":
                self.ids.append(value or "")
            if name in {"aria-labelledby", "aria-describedby"}:
                self.references += (value or "").split()
            if name in {"href", "xlink:href"} and (value or "").startswith("#"):
                self.references.append((value or "")[1:])

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element that is closed at once."""
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        """Every element ends where it should."""
        assert self.open.pop() == tag


@pytest.fixture(scope="module", params=["passed_findings", "failed_findings", "hostile_findings"])
def rendered(request: pytest.FixtureRequest) -> str:
    return page.render(request.getfixturevalue(request.param))


def test_the_page_is_well_formed_and_its_references_lead_somewhere(rendered: str) -> None:
    outline = Outline(rendered)
    assert outline.open == []
    assert len(outline.ids) == len(set(outline.ids))
    assert set(outline.references) <= set(outline.ids)
    assert set(re.findall(r"url\(#([^)]+)\)", rendered)) <= set(outline.ids)


def test_headings_do_not_skip_a_level(rendered: str) -> None:
    headings = Outline(rendered).headings
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(headings))


def test_nothing_is_loaded_and_nothing_runs(rendered: str) -> None:
    outline = Outline(rendered)
    assert not {"script", "iframe", "object", "embed", "img", "base", "form"} & set(outline.tags)
    assert not [name for name, _ in outline.attributes if name.startswith("on") or name == "src"]
    for name, value in outline.attributes:
        assert name not in {"href", "xlink:href"} or value.startswith(("#", "data:"))
    assert "@import" not in rendered
    assert not re.search(r"url\((?!#)", rendered)


def test_every_plot_has_a_name_a_description_and_the_pages_colours(rendered: str) -> None:
    plots = re.findall(r"<svg.*?</svg>", rendered, re.DOTALL)
    assert len(plots) >= 6
    for svg in plots:
        assert 'role="img"' in svg
        assert re.search(r"<title id=[^>]*>[^<]+</title><desc id=[^>]*>[^<]+</desc>", svg)
        assert re.findall(r"(?:fill|stroke): (#[0-9a-f]{6})", svg) == []
        assert "DejaVu" not in svg
    assert "01020" not in rendered


def test_landmarks_and_a_way_past_them(rendered: str) -> None:
    assert {"header", "main", "footer"} <= set(Outline(rendered).tags)
    assert '<a class="skip" href="#main">' in rendered
    assert '<html lang="en">' in rendered


def test_the_verdict_and_its_reasons_stand_before_everything_else(failed_findings: Findings) -> None:
    top, _, _ = page.render(failed_findings).partition("<main")
    assert "✘</span> fail</span> 3 bundles" in top
    for reason in ("slow_model v1.0: 31 % slower than its baseline", "unproven v1.0: the Go harness is not there"):
        assert f"<li>{reason}</li>" in top


def test_what_was_not_measured_is_said_and_not_shown(failed_findings: Findings) -> None:
    text = page.render(failed_findings)
    unproven = text[text.index('id="bundle-3"') : text.index('id="history"')]
    assert "Not measured here: latency distributions, parity, errors by position" in unproven
    assert "<svg" not in unproven
    assert "<h3" in unproven  # its budgets, as a table
    good = text[text.index('id="bundle-1"') : text.index('id="bundle-2"')]
    assert good.count("<svg") == 5
    assert "Not measured here" not in good


def test_of_bundles_that_were_not_measured_anew_it_says_so(passed_findings: Findings) -> None:
    recorded = replace(
        passed_findings,
        command="compile",
        environment=None,
        bundles=tuple(replace(each, runs=(), errors=(), loads=(), regression=None) for each in passed_findings.bundles),
    )
    text = page.render(recorded)
    assert "Nothing was measured for this report" in text
    assert "Environment</h2>" not in text
    assert "Nothing was measured for this report" not in page.render(passed_findings)


def test_names_that_mean_harm_are_text(hostile_findings: Findings) -> None:
    text = page.render(hostile_findings)
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert not {"\x00", "\x1b", "\u202e"} & set(text)


@pytest.mark.parametrize("number", [math.nan, math.inf, INFINITE, 0.0])
def test_numbers_that_no_axis_holds_are_told_all_the_same(number: float, passed_findings: Findings) -> None:
    (bundle,) = passed_findings.bundles
    every = tuple(replace(each, worst=(number,) * len(each.worst)) for each in bundle.errors)
    some = tuple(replace(each, worst=(number, *each.worst[1:])) for each in bundle.errors)
    loads = tuple(replace(each, max_ms=number) for each in bundle.loads)
    budgets = (replace(bundle.budgets[0], measured=number), *bundle.budgets[1:])
    for errors in (every, some):
        odd = replace(bundle, errors=errors, loads=loads, budgets=budgets)
        text = page.render(replace(passed_findings, bundles=(odd,)))
        assert "nan" not in re.sub(r"<style>.*</style>", "", text, flags=re.DOTALL)
        assert ("∞" in text) == (number != 0)


def test_a_column_has_as_many_decimals_everywhere() -> None:
    assert column([0.1234, 12.0, None, 0.5, math.nan]) == ["0.123", "12.000", "–", "0.500", "∞"]
    assert column([0.0, 0.0]) == ["0.00", "0.00"]
    assert column([31_000.0]) == ["31000"]


def test_equal_findings_give_equal_pages(passed_findings: Findings) -> None:
    assert page.render(passed_findings) == page.render(passed_findings)


def test_without_its_libraries_the_page_says_which_to_install(
    passed_findings: Findings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(InputError, match=r"pip install 'dwcpc\[report\]'"):
        page.render(passed_findings)


def test_the_other_formats_load_neither_of_its_libraries() -> None:
    program = (
        "import sys; from dwcpc.bench.reports import REPORTS; import dwcpc.compiler.commands.report; "
        "print({'jinja2', 'matplotlib', 'torch', 'sklearn', 'xgboost'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def luminance(colour: str) -> float:
    """Return the relative luminance: https://www.w3.org/TR/WCAG22/#dfn-relative-luminance."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", [0, 1, 2], ids=["light", "dark", "print"])
def test_text_is_readable_against_what_it_stands_on(scheme: int) -> None:
    variables = dict(re.findall(r"(--[a-z]+): (#[0-9a-f]{6});", re.findall(r":root \{.*?\}", CSS, re.DOTALL)[scheme]))
    assert set(VARIABLES.values()) <= set(variables)
    for ink in ("--ink", "--muted", "--go", "--python", "--limit", "--good", "--bad", "--doubt"):
        for ground in ("--paper", "--surface"):
            assert contrast(variables[ink], variables[ground]) >= 4.5, (ink, ground)


def test_black_on_white_has_the_most_contrast_there_is() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("limit", [0.001, 0.12, 10.0, 5000.0])
def test_the_budget_line_is_in_the_plot_however_far_it_is(limit: float) -> None:
    plot = latency_plot("k", {"go": [(0.1, 0.0), (0.11, 0.5), (0.2, 0.99), (0.3, 1.0)]}, limit, whole=True)
    assert "budget" in plot.svg
    assert "half of the calls within 0.11 ms, 99 % within 0.2 ms" in plot.description


def test_a_single_call_and_a_call_of_no_time_can_be_drawn() -> None:
    assert latency_plot("k", {"go": [(0.0, 1.0)]}, None, whole=True).svg.startswith("<svg")


def test_ticks_are_few_and_in_words() -> None:
    for low, high in ((0.09, 0.13), (0.1, 10), (1e-3, 1e4), (1e-6, 1e6)):
        with canvas(200) as (_, (axes,)):
            log_milliseconds(axes, low, high)
            labels = [label.get_text() for label in axes.get_xticklabels()]
        assert 1 <= len(labels) <= 6
        assert all(label.endswith((" ms", " µs")) for label in labels)


def test_a_budget_of_nothing_or_without_a_measurement_has_no_bar() -> None:
    nothing = Budget("size_mb", 0.0, 1.0, "fail", "")
    unmeasured = Budget("size_mb", 1.0, None, "inconclusive", "")
    assert budget_plot("k", (nothing, unmeasured)) is None
    plot = budget_plot("k", (nothing, Budget("size_mb", 1.0, 1e9, "fail", "")))
    assert plot is not None
    assert "size on disk 1000000000 of 1 MB" in plot.description

"""What people read: the terminal's summary and the Markdown report say the verdict, the numbers and what failed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dwcpc.bench.budgets import Limits, judge
from dwcpc.bench.reports import markdown, terminal
from dwcpc.bench.reports.summary import Summary
from dwcpc.compiler.bundle import open_bundle
from dwcpc.compiler.metadata import Budget, CheckResult, Metadata

GOOD = Path(__file__).resolve().parents[2] / "fixtures" / "bundles" / "good"


@pytest.fixture
def metadata() -> Metadata:
    """The good bundle's, with every budget judged and a result of each kind."""
    read = open_bundle(GOOD).metadata
    assert read.parity is not None
    assert read.measurements is not None
    results = (
        CheckResult("closeness", "python", "reconstruction", "typical", 1e-7, 1e-6, 8, passed=True),
        CheckResult("closeness", "go", "reconstruction", "typical", 5e-7, 1e-6, 8, passed=True),
        CheckResult("decisions", "python", "anomaly_score", "typical", 0, 0, 8, passed=True, note="nearest row 0.1"),
        CheckResult("bit_equality", "python=go", "reconstruction", "all", 0, 0, 8, passed=True),
    )
    budgets = judge(Limits(10.0), 5_000_000, {run.runtime: run for run in read.measurements.runs})
    return replace(read, parity=replace(read.parity, results=results), budgets=budgets)


def summary(metadata: Metadata, verdict: str = "pass") -> Summary:
    return Summary(metadata, verdict, Path("dist/m/v1.0"), 5_000_000, Path("dist/m/v1.0.report.md"))  # type: ignore[arg-type]


def failing(metadata: Metadata) -> Metadata:
    assert metadata.parity is not None
    bad = CheckResult("closeness", "go", "anomaly_score", "wide", 0.25, 1e-6, 8, passed=False, note="far off")
    budgets = (
        replace(metadata.budgets[0], verdict="inconclusive", reason="the machine is noisy"),
        *metadata.budgets[1:],
    )
    return replace(
        metadata,
        parity=replace(metadata.parity, verdict="fail", results=(*metadata.parity.results, bad)),
        budgets=budgets,
    )


def test_the_terminal_says_what_was_made_and_proven(metadata: Metadata) -> None:
    text = terminal.render(summary(metadata))
    assert text.splitlines()[0].startswith("tiny_autoencoder v1.0   cpu-fp32   5 MB")
    assert "python ✔  go ✔" in text
    assert "go = python bit for bit" in text
    assert "5.0e-07 of 1.0e-06 (reconstruction, typical)" in text  # the worst against its limit
    assert "p50 10 µs  p99 20 µs" in text
    assert "memory 20 of 500 MB ✔" in text
    assert "pass: dist/m/v1.0" in text.splitlines()
    assert "✘" not in text


def test_the_terminal_names_every_failed_check_and_doubtful_budget(metadata: Metadata) -> None:
    text = terminal.render(summary(failing(metadata), "fail"))
    assert "python ✔  go ✘" in text
    assert "closeness of anomaly_score on wide rows in go: 0.25, allowed 1e-06  far off" in text
    assert "latency_p99_ms: the machine is noisy" in text
    assert "fail: dist/m/v1.0" in text.splitlines()


def test_an_unproven_bundle_claims_nothing(metadata: Metadata) -> None:
    bare = replace(metadata, parity=None, measurements=None, budgets=())
    for text in (
        terminal.render(summary(bare, "inconclusive")),
        markdown.render(summary(bare, "inconclusive")),
    ):
        assert "✔" not in text
        assert "inconclusive" in text


def test_the_report_holds_each_budget_run_and_check(metadata: Metadata) -> None:
    text = markdown.render(summary(failing(metadata), "fail"))
    assert text.startswith("# tiny_autoencoder v1.0: ✘ fail\n")
    for budget in metadata.budgets:
        assert f"| {budget.name} | {budget.limit:g} |" in text
    assert "? inconclusive | the machine is noisy |" in text
    assert "| closeness | go | anomaly_score | wide | 0.25 | 1e-06 | 8 | ✘ | far off |" in text
    assert "go, onnxruntime 1.32.0" in text


def test_a_bar_in_a_note_does_not_break_the_table(metadata: Metadata) -> None:
    odd = replace(metadata, budgets=(Budget("size_mb", 1.0, None, "inconclusive", "a | b"),))
    (row,) = (line for line in markdown.render(summary(odd)).splitlines() if line.startswith("| size_mb"))
    assert r"a \| b" in row
    assert "not measured" in row


def test_the_precision_search_is_shown_with_what_each_candidate_lost_by(metadata: Metadata) -> None:
    text = terminal.render(summary(metadata))
    assert "of 30 dB asked for" in text
    assert "17.5  0.50" in text
    assert "all int8 (too coarse)" in text
    assert "→         115.0" in text
    page = markdown.render(summary(metadata))
    assert "| → | float32 | 115.0 | 0 |  | 1024 |" in page  # a bundle of before its worst row was told
    assert "| all int8 | 17.5 | 3 | 1.50 | 512 |" in page
    assert "| 0.500 [0.400, 0.600] | too coarse |" in page
    assert "0.980 [0.960, 1.010]" in page  # a pass's effect


def test_verbose_says_what_each_pass_and_layer_got(metadata: Metadata) -> None:
    assert "remove_unused" not in terminal.render(summary(metadata))
    text = terminal.render(summary(metadata), verbose=True)
    assert "remove_unused: nothing to do" in text
    assert all(layer.reason in text for layer in metadata.precision)


def test_a_reduced_precision_is_told_by_its_noise(metadata: Metadata) -> None:
    assert metadata.parity is not None
    noise = CheckResult(
        "noise", "python", "reconstruction", "typical", -33.25, -30.0, 8, passed=True, note="33 dB plain"
    )
    changed = replace(metadata, parity=replace(metadata.parity, results=(*metadata.parity.results, noise)))
    assert "noise 33.2 dB below the signal, 30 asked for (typical)" in terminal.render(summary(changed))

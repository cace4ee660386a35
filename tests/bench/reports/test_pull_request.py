"""The comment on a pull request: the verdict first, one row a bundle, nothing that a name could make of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dwcpc.bench.findings import Findings
from dwcpc.bench.reports.markdown_table import escaped, table
from dwcpc.bench.reports.pull_request import LEFT_OUT, MAX_CHARACTERS, render


def before_details(text: str) -> str:
    return text.partition("<details>")[0]


def test_the_verdict_and_its_reasons_come_first(failed_findings: Findings) -> None:
    lines = render(failed_findings).splitlines()
    assert lines[0] == "## ✘ fail: dwcpc gate, 3 bundles (1 fail, 1 inconclusive, 1 pass)"
    assert lines[2] == "- slow\\_model v1.0 fails its budgets, parity and against its baseline".replace("\\", "")
    assert "- unproven v1.0: the Go harness is not there" in lines


def test_each_bundle_has_one_row_with_its_budgets_and_its_interval(failed_findings: Findings) -> None:
    rows = [line for line in before_details(render(failed_findings)).splitlines() if line.startswith("| ")]
    assert len(rows) == 1 + 3
    assert "✔ 0.192 of 10 ms" in rows[1]
    assert "✘ 31 of 10 ms" in rows[2]
    assert r"✘ 1.310 \[1.270, 1.360\]" in rows[2]
    assert rows[3].count("? not measured") == 4
    assert "no baseline" in rows[3]


def test_the_details_are_folded_and_name_the_failed_check(failed_findings: Findings) -> None:
    text = render(failed_findings)
    assert text.count("<details>") == text.count("</details>") == 3
    assert "✘ closeness of anomaly_score on wide rows in go: ∞, allowed 1e-06 (far off)" in text
    assert "Parity was not measured." in text


def test_a_quick_run_says_that_it_decides_nothing(passed_findings: Findings) -> None:
    assert "never pass one" in render(replace(passed_findings, decisive=False))
    assert "never pass one" not in render(passed_findings)


def test_names_that_mean_harm_are_text(hostile_findings: Findings) -> None:
    text = render(hostile_findings)
    assert "<script" not in text
    for line in text.splitlines():
        assert not line.startswith("<") or line.startswith(("<details><summary>", "</details>"))
    rows = [line for line in before_details(text).splitlines() if line.startswith("| ")]
    assert {row.count("|") for row in rows} == {9}


def test_a_comment_that_github_would_refuse_is_shortened(passed_findings: Findings) -> None:
    many = replace(passed_findings, bundles=passed_findings.bundles * 40)
    text = render(many)
    assert len(text) <= MAX_CHARACTERS
    assert LEFT_OUT in text
    assert LEFT_OUT not in render(passed_findings)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a_b", "a_b"),
        ("_a_ *b*", r"\_a\_ \*b\*"),
        ("a|b", "a&#124;b"),
        ("<b>&", "&lt;b&gt;&amp;"),
        ("@octocat #1", r"&#64;octocat \#1"),
        ("a\n# b", r"a \# b"),
        ("a\x00b\u202e", "a\ufffdb\ufffd"),
        ("[x](y) `z` \\", r"\[x\](y) \`z\` " + "\\\\"),
    ],
)
def test_text_stays_text(text: str, written: str) -> None:
    assert escaped(text) == written


def test_a_bar_stays_in_its_cell() -> None:
    assert table(("a",), [("b | c",)]).splitlines()[-1] == r"| b \| c |"

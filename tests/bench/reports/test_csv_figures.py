"""CSV: a row for each figure, in the units of the others, and nothing that a spreadsheet would compute."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest

from dwcpc.bench.findings import Findings
from dwcpc.bench.reports.csv_figures import FORMULA, render

HEADER = ["bundle", "version", "runtime", "process", "metric", "value", "unit"]


def rows(findings: Findings) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(render(findings), newline="")))


def value(findings: Findings, metric: str, **where: str) -> str:
    (found,) = (row["value"] for row in rows(findings) if row["metric"] == metric and where.items() <= row.items())
    return found


def test_the_table_has_its_header_and_rows_of_one_length(failed_findings: Findings) -> None:
    table = list(csv.reader(io.StringIO(render(failed_findings), newline="")))
    assert table[0] == HEADER
    assert {len(row) for row in table} == {len(HEADER)}
    assert render(failed_findings).endswith("\r\n")


def test_every_process_has_its_figures_with_their_unit(passed_findings: Findings) -> None:
    (bundle,) = passed_findings.bundles
    go = bundle.runs[1].processes[2]
    assert value(passed_findings, "p99", runtime="go", process="3", unit="ms") == str(go.p99_ms)
    assert value(passed_findings, "peak_memory", runtime="go", process="3", unit="bytes") == "44900352"
    assert value(passed_findings, "settled", runtime="go", process="3") == "1"
    assert value(passed_findings, "served", process="open 2", unit="1/s") == "999.6"


def test_budgets_regressions_and_errors_are_rows(failed_findings: Findings) -> None:
    slow = {"bundle": "slow_model"}
    assert value(failed_findings, "budget latency_p99_ms", unit="ms", **slow) == "31.0"
    assert value(failed_findings, "limit latency_p99_ms", **slow) == "10.0"
    assert value(failed_findings, "budget memory_mb", **slow) == ""
    assert value(failed_findings, "regression ratio", **slow) == "1.31"
    assert value(failed_findings, "error reconstruction timestep 29", runtime="go", **slow) != ""
    assert value(failed_findings, "verdict", bundle="unproven") == "inconclusive"


@pytest.mark.parametrize("start", FORMULA)
def test_no_cell_is_a_formula(start: str, hostile_findings: Findings) -> None:
    evil = replace(hostile_findings.bundles[1], files={f"{start}cmd|' /C calc'!A0": 1})
    named = replace(evil, runs=tuple(replace(each, runtime=f"{start}1+1") for each in evil.runs))
    cells = [row["runtime"] for row in rows(replace(hostile_findings, bundles=(named,)))]
    assert f"'{start}1+1" in cells
    assert not any(cell.startswith(FORMULA) for cell in cells)

"""JUnit XML as readers of it hold: attributes, counts, order, what is a failure and what an error."""

from __future__ import annotations

import datetime
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from dwcpc.bench.findings import Findings
from dwcpc.bench.reports.junit import render

# Jenkins' junit-10.xsd: what an element may hold, and what it must say.
CHILDREN = {"testsuites": {"testsuite"}, "testsuite": {"testcase"}, "testcase": {"failure", "error"}}
ATTRIBUTES = {
    "testsuites": {"name", "tests", "failures", "errors"},
    "testsuite": {"name", "timestamp", "tests", "failures", "errors"},
    "testcase": {"classname", "name"},
    "failure": {"message", "type"},
    "error": {"message", "type"},
}


def parsed(findings: Findings) -> ET.Element:
    return ET.fromstring(render(findings).encode())  # noqa: S314 - written here


def case(root: ET.Element, suite: str, name: str) -> ET.Element:
    (found,) = (
        each for each in root.findall(f"testsuite[@name='{suite}']/testcase") if each.get("name", "").startswith(name)
    )
    return found


@pytest.mark.parametrize("name", ["passed_findings", "failed_findings", "hostile_findings"])
def test_the_document_keeps_the_rules_of_junit(name: str, request: pytest.FixtureRequest) -> None:
    findings = request.getfixturevalue(name)
    assert render(findings).startswith('<?xml version="1.0" encoding="UTF-8"?>\n<testsuites ')
    root = parsed(findings)
    assert root.tag == "testsuites"
    for element in root.iter():
        assert set(element.attrib) == ATTRIBUTES[element.tag]
        assert {child.tag for child in element} <= CHILDREN.get(element.tag, set())
        if element.tag == "testcase":
            assert len(element) <= 1
        if "tests" in element.attrib:
            for attribute, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error")):
                assert int(element.get(attribute, "")) == len(list(element.iter(tag)))
    for suite in root:
        datetime.datetime.strptime(suite.get("timestamp", ""), "%Y-%m-%dT%H:%M:%S").replace(tzinfo=datetime.UTC)
        names = [each.get("name") for each in suite]
        assert len(names) == len(set(names)), "GitLab tells cases apart by their names"


def test_a_good_gate_has_no_failure_and_no_error(passed_findings: Findings) -> None:
    root = parsed(passed_findings)
    assert [root.get(key) for key in ("failures", "errors")] == ["0", "0"]
    assert [suite.get("name") for suite in root] == ["tiny_autoencoder v1.0", "all bundles"]


def test_a_failed_budget_is_a_failure_with_its_reason(failed_findings: Findings) -> None:
    (failure,) = case(parsed(failed_findings), "slow_model v1.0", "budget: latency")
    assert failure.tag == "failure"
    assert failure.get("message") == "31 of 10 ms: even the median is 27 ms of 26.8 ms CPU"


def test_what_could_not_be_decided_is_an_error(failed_findings: Findings) -> None:
    root = parsed(failed_findings)
    for suite, name in (
        ("slow_model v1.0", "budget: memory"),
        ("unproven v1.0", "parity"),
        ("unproven v1.0", "verdict"),
    ):
        (error,) = case(root, suite, name)
        assert error.tag == "error"
        assert error.get("type") == "inconclusive"


def test_parity_and_regression_are_cases(failed_findings: Findings) -> None:
    root = parsed(failed_findings)
    (failure,) = case(root, "slow_model v1.0", "parity: closeness of anomaly_score on wide rows in go")
    assert failure.get("message") == "∞, allowed 1e-06 (far off)"
    (failure,) = case(root, "slow_model v1.0", "regression against registry/consensus_demo/v1.0")
    assert "1.310 [1.270, 1.360]" in failure.get("message", "")


def test_a_verdict_without_a_failed_case_is_told_all_the_same(passed_findings: Findings) -> None:
    quick = replace(passed_findings, decisive=False, verdict="inconclusive", reasons=("a quick run",))
    (error,) = case(parsed(quick), "all bundles", "verdict")
    assert error.get("message") == "a quick run"
    assert "never pass one" in (error.text or "")


def test_characters_that_xml_cannot_hold_are_replaced(hostile_findings: Findings) -> None:
    text = render(hostile_findings)
    assert "\x00" not in text
    assert "\x1b" not in text
    assert "\ufffd" in "".join(each.get("message", "") for each in parsed(hostile_findings).iter())

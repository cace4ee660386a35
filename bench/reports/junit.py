"""The findings as JUnit XML: a suite for each bundle, a case for each parity check, budget and regression.

A failed case is a `<failure>`: the model was judged and is not good. An inconclusive one is an `<error>`: the test
could not be carried out; no reader of JUnit takes it for a pass, as they do with `<skipped>`. No case has a time, as a
measurement's own length says nothing; attributes and their order follow Jenkins' junit-10.xsd, which has it optional.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

from dwcpc.bench.reports.safe_text import legal
from dwcpc.bench.reports.wording import (
    budget_figure,
    budget_name,
    check_name,
    check_outcome,
    made_by,
    measured_how,
    regression_figure,
    title,
)

if TYPE_CHECKING:
    from dwcpc.bench.findings import BundleFindings, Findings
    from dwcpc.compiler.metadata import Parity, Verdict

ELEMENTS: dict[Verdict, str] = {"fail": "failure", "inconclusive": "error"}
ALL = "all bundles"
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'


def render(findings: Findings) -> str:
    """Return the document."""
    root = ET.Element("testsuites", name=made_by(findings))
    for bundle in findings.bundles:
        suite = _suite(root, findings, title(bundle))
        _bundle_cases(suite, bundle)
    suite = _suite(root, findings, ALL)
    if findings.together is not None:
        together = findings.together
        _case(suite, ALL, "memory in one process", together.verdict, f"{budget_figure(together)}: {together.reason}")
    how = [text for text in (measured_how(findings),) if text is not None]
    _case(suite, ALL, "verdict", findings.verdict, "\n".join([*findings.reasons, *how]))
    for element in (*root, root):
        _count(element)
    ET.indent(root)
    return f"{DECLARATION}\n{ET.tostring(root, encoding='unicode')}\n"


def _suite(root: ET.Element, findings: Findings, name: str) -> ET.Element:
    return ET.SubElement(root, "testsuite", name=legal(name), timestamp=findings.created.removesuffix("Z"))


def _bundle_cases(suite: ET.Element, bundle: BundleFindings) -> None:
    name = bundle.metadata.name
    if bundle.parity is None:
        _case(suite, name, "parity", "inconclusive", "parity was not measured")
    else:
        _parity_cases(suite, name, bundle.parity)
    for budget in bundle.budgets:
        what = f"{budget_name(budget)} within {budget.limit:g}"
        _case(suite, name, f"budget: {what}", budget.verdict, f"{budget_figure(budget)}: {budget.reason}")
    if bundle.regression is not None:
        regression = bundle.regression
        text = f"time {regression_figure(regression)}: {regression.reason}"
        _case(suite, name, f"regression against {regression.baseline}", regression.verdict, text)
    _case(suite, name, "verdict", bundle.verdict, "\n".join(bundle.reasons))


def _parity_cases(suite: ET.Element, name: str, parity: Parity) -> None:
    for result in parity.results:
        _case(suite, name, f"parity: {check_name(result)}", "pass" if result.passed else "fail", check_outcome(result))
    if not parity.results:
        _case(suite, name, "parity", parity.verdict, "nothing was compared")


def _case(suite: ET.Element, bundle: str, name: str, verdict: Verdict, text: str) -> None:
    """Add a case; its first line is the message, the whole of it the text."""
    case = ET.SubElement(suite, "testcase", classname=legal(f"dwcpc.{bundle}"), name=legal(name))
    if verdict == "pass":
        return
    lines = legal(text).splitlines() or [f"the verdict is {verdict}"]
    ET.SubElement(case, ELEMENTS[verdict], message=lines[0], type=verdict).text = "\n".join(lines)


def _count(element: ET.Element) -> None:
    element.set("tests", str(len(list(element.iter("testcase")))))
    element.set("failures", str(len(list(element.iter("failure")))))
    element.set("errors", str(len(list(element.iter("error")))))

"""The findings as one HTML page: nothing is loaded from elsewhere, nothing runs in it, and it follows its reader's
colour scheme, window, printer and keyboard.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dwcpc.bench.reports.page_measured_tables import bundles_table
from dwcpc.bench.reports.page_view import bundle_view, history_cards, together_card
from dwcpc.bench.reports.safe_text import legal
from dwcpc.bench.reports.wording import MARKS, count_of, made_by, marked, measured_how, megabytes, reasons_of
from dwcpc.compiler.errors import InputError

if TYPE_CHECKING:
    from jinja2 import Environment

    from dwcpc.bench.findings import Findings

TEMPLATE = "page.html.j2"
MISSING = "the HTML report needs jinja2 and matplotlib, and {} is missing; pip install 'dwcpc[report]', or write .md"


def render(findings: Findings) -> str:
    """Return the page. InputError where its libraries are not installed."""
    try:
        template = _environment().get_template(TEMPLATE)
        bundles = [bundle_view(number, bundle) for number, bundle in enumerate(findings.bundles, start=1)]
        history = history_cards(findings.history)
        together = together_card(findings)
    except ModuleNotFoundError as error:
        raise InputError(MISSING.format(error.name)) from error
    page: str = template.render(
        findings=findings,
        command=made_by(findings),
        bundles=bundles,
        overview=bundles_table(findings.bundles),
        history=history,
        together=together,
        reasons=reasons_of(findings),
        how=measured_how(findings),
        counts=count_of(bundle.verdict for bundle in findings.bundles),
    )
    return legal(page)


def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("dwcpc.bench.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(marked=marked, megabytes=megabytes)
    environment.globals.update(verdicts={marked(verdict): verdict for verdict in MARKS})
    return environment

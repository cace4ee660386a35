"""Reports: one file a format, each with a `render` that does no I/O; those of findings by their file's suffix."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dwcpc.bench.reports import csv_figures, json_document, junit, page, pull_request

if TYPE_CHECKING:
    from dwcpc.bench.findings import Findings

REPORTS: dict[str, Callable[[Findings], str]] = {
    ".json": json_document.render,
    ".md": pull_request.render,
    ".xml": junit.render,
    ".csv": csv_figures.render,
    ".html": page.render,
}

"""`dwcpc report`: findings of a gate, or what bundles say of themselves, as a page or another format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dwcpc.bench.findings_file import read_findings
from dwcpc.bench.recorded import recorded_findings
from dwcpc.compiler.commands.write_reports import renderer, write_whole
from dwcpc.compiler.errors import InputError

if TYPE_CHECKING:
    from dwcpc.bench.findings import Findings


def write_report(paths: Sequence[Path], out: Path) -> Findings:
    """Write the report of `paths` to `out`, in the format of its suffix; return what it was made from."""
    render = renderer(out)
    findings = _findings(paths)
    write_whole(out, render(findings))
    return findings


def _findings(paths: Sequence[Path]) -> Findings:
    files = [path for path in paths if path.suffix.lower() == ".json" and not path.is_dir()]
    if not files:
        return recorded_findings(paths)
    if len(paths) > 1:
        raise InputError(f"{files[0]}: is one run's findings, expected no other PATH beside it; report each by itself")
    return read_findings(files[0])

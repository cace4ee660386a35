"""`dwcpc report`: findings of a gate, or what bundles say of themselves, as a page or another format."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dwcpc.bench.findings_file import read_findings
from dwcpc.bench.recorded import recorded_findings
from dwcpc.bench.reports import REPORTS
from dwcpc.compiler.errors import InputError

if TYPE_CHECKING:
    from dwcpc.bench.findings import Findings


def write_report(paths: Sequence[Path], out: Path) -> Findings:
    """Write the report of `paths` to `out`, in the format of its suffix; return what it was made from."""
    render = REPORTS.get(out.suffix.lower())
    if render is None:
        raise InputError(f"--output is {str(out)!r}, expected a name that ends in one of {', '.join(REPORTS)}")
    findings = _findings(paths)
    _write(out, render(findings))
    return findings


def _findings(paths: Sequence[Path]) -> Findings:
    files = [path for path in paths if path.suffix.lower() == ".json" and not path.is_dir()]
    if not files:
        return recorded_findings(paths)
    if len(paths) > 1:
        raise InputError(f"{files[0]}: is one run's findings, expected no other PATH beside it; report each by itself")
    return read_findings(files[0])


def _write(out: Path, text: str) -> None:
    """Write whole or not at all; what UTF-8 cannot hold, as in a path of another encoding, is escaped."""
    partial = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        partial.write_bytes(text.encode("utf-8", errors="backslashreplace"))
        partial.replace(out)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise InputError(f"{out}: cannot be written ({error.strerror}); choose another --output") from error

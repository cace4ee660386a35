"""Writing findings to files, each whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from dwcpc.bench.findings import Findings
from dwcpc.bench.reports import REPORTS
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.whole_file import check_file_writable, whole_file

Render = Callable[[Findings], str]


def renderer(path: Path) -> Render:
    """Return what renders the format of the file's suffix. InputError where there is none."""
    render = REPORTS.get(path.suffix.lower())
    if render is None:
        raise InputError(f"--output is {str(path)!r}, expected a name that ends in one of {', '.join(REPORTS)}")
    return render


def written(findings: Findings, files: Mapping[str, Path | None]) -> list[Path]:
    """Write a report to each file that is named, in the format of the suffix that it stands under; return the files."""
    done = [path for path in files.values() if path is not None]
    for suffix, path in files.items():
        if path is not None:
            write_whole(path, REPORTS[suffix](findings))
    return done


def check_writable(files: Mapping[str, Path | None]) -> None:
    """Refuse a file in a folder that is not there, before anything is measured for it."""
    for path in files.values():
        if path is not None:
            check_file_writable(path)


def write_whole(path: Path, text: str) -> None:
    """Write `text`; what UTF-8 cannot hold, as in a path of another encoding, is escaped."""
    with whole_file(path) as file:
        file.write(text.encode("utf-8", errors="backslashreplace"))

"""Writing what a gate found to the files that were asked for."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

from dwcpc.compiler.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dwcpc.bench.findings import Findings


def written(findings: Findings, files: Mapping[str, Path | None]) -> list[Path]:
    """Write a report in each format that has a file; return the files."""
    done = []
    for kind, path in files.items():
        if path is None:
            continue
        if kind != "json":
            raise InputError(f"{path}: there are no {kind} reports yet; use --json-file")
        try:
            path.write_text(json.dumps(dataclasses.asdict(findings), indent=1, ensure_ascii=False), encoding="utf-8")
        except OSError as error:
            raise InputError(
                f"{path}: cannot be written ({error.strerror}); name a file in a folder that exists"
            ) from error
        done.append(path)
    return done

"""`dwcpc list`: what a registry holds."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dwcpc.bench.history import published_as
from dwcpc.compiler.registry.entries import Line, read_registry
from dwcpc.compiler.versions import folder_name, version_text

if TYPE_CHECKING:
    from dwcpc.bench.findings import Published
    from dwcpc.compiler.registry.entries import Entry


def list_registry(registry: Path) -> tuple[Line, ...]:
    """Read the registry, every file's hash included."""
    return read_registry(registry)


def is_sound(lines: tuple[Line, ...]) -> bool:
    """Say whether every version is whole and every `latest` names one."""
    return all(line.problem is None and all(entry.bundle is not None for entry in line.entries) for line in lines)


def render(lines: tuple[Line, ...]) -> str:
    """Return a block for each name, a line for each version, the highest first."""
    blocks = []
    for line in lines:
        problem = [] if line.problem is None else [f"  ✘ {line.problem}"]
        blocks.append("\n".join([line.name, *problem, *(_version(entry) for entry in line.entries)]))
    return "\n".join(blocks) or "no version is published here"


def as_data(lines: tuple[Line, ...]) -> list[dict[str, Any]]:
    """Return what `render` tells, for machines: a name's versions, the highest first."""
    return [
        {
            "name": line.name,
            "latest": None if line.latest is None else version_text(line.latest),
            "problem": line.problem,
            "versions": [_fields(entry) for entry in line.entries],
        }
        for line in lines
    ]


def _fields(entry: Entry) -> dict[str, Any]:
    stated = _stated(entry)
    base = {"version": version_text(entry.version), "latest": entry.latest, "path": str(entry.folder)}
    known = {} if stated is None else dataclasses.asdict(stated)
    return {**base, **known, "withdrawn": entry.withdrawn, "problem": entry.problem}


def _stated(entry: Entry) -> Published | None:
    return None if entry.bundle is None else published_as(entry.bundle, latest=entry.latest)


def _version(entry: Entry) -> str:
    head = f"  {'→' if entry.latest else ' '} {folder_name(entry.version):<7}"
    stated = _stated(entry)
    if stated is None:
        return f"{head} ✘ damaged: {entry.problem}"
    latency = "go not measured" if stated.go_p50_ms is None else _latency(stated)
    parts = [
        f"{stated.verdict:<12}",
        f"{stated.size_bytes / 1e6:>7.3g} MB",
        f"{stated.target:<8}",
        latency,
        f"made {stated.created}",
        *(["withdrawn"] if entry.withdrawn else []),
    ]
    return "  ".join([head, *parts])


def _latency(stated: Published) -> str:
    return f"go p50 {stated.go_p50_ms:.3g} ms  p99 {stated.go_p99_ms:.3g} ms"

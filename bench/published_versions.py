"""The versions that a folder of bundles holds, by their own metadata."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from dwcpc.bench.budgets import overall
from dwcpc.bench.findings import Published
from dwcpc.compiler.bundle import METADATA_FILE, read_metadata
from dwcpc.compiler.metadata import Metadata, Verdict
from dwcpc.compiler.versions import folder_name, latest_version, versions_in


def published_versions(model_folders: Iterable[Path]) -> tuple[Published, ...]:
    """Return every version of each `NAME` folder, the oldest first. InputError where one cannot be read."""
    return tuple(
        _published(folder / folder_name(version), latest=version == latest_version(folder))
        for folder in model_folders
        for version in versions_in(folder)
    )


def recorded_verdict(metadata: Metadata) -> tuple[Verdict, tuple[str, ...]]:
    """Return what a bundle was judged to be when it was compiled, and why it was not a pass."""
    parity: Verdict = "inconclusive" if metadata.parity is None else metadata.parity.verdict
    budgets: list[Verdict] = [budget.verdict for budget in metadata.budgets] or ["inconclusive"]
    reasons = [f"{budget.name}: {budget.reason}" for budget in metadata.budgets if budget.verdict != "pass"]
    if metadata.parity is None:
        reasons.append("it was never proven equal to its source")
    elif parity != "pass":
        reasons.append("it is not equal to its source")
    if not metadata.budgets:
        reasons.append("no budget was measured")
    return overall([parity, *budgets]), tuple(reasons)


def files_of(folder: Path) -> dict[str, int]:
    """Return the bytes of each of a bundle's files."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in paths}


def _published(folder: Path, *, latest: bool) -> Published:
    metadata = read_metadata(folder / METADATA_FILE)
    runs = () if metadata.measurements is None else metadata.measurements.runs
    go = next((run for run in runs if run.runtime == "go"), None)
    return Published(
        name=metadata.name,
        version=metadata.version,
        created=metadata.created,
        target=metadata.target,
        latest=latest,
        verdict=recorded_verdict(metadata)[0],
        size_bytes=sum(files_of(folder).values()),
        go_p50_ms=None if go is None else go.p50_ms,
        go_p99_ms=None if go is None else go.p99_ms,
        go_peak_memory_bytes=None if go is None else go.peak_memory_bytes,
    )

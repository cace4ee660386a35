"""The versions of a registry, each as its own metadata states it: what was measured when it was compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dwcpc.bench.findings import Published
from dwcpc.bench.stated_verdict import stated_verdict
from dwcpc.compiler.registry.entries import read_registry

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dwcpc.compiler.bundle import Bundle
    from dwcpc.compiler.metadata import Measurement, Metadata
    from dwcpc.compiler.registry.entries import Line


def history(registry: Path) -> tuple[Published, ...]:
    """Return the whole versions of every name, the lowest first; damaged ones are for `dwcpc list` to tell."""
    return published(read_registry(registry))


def published(lines: Sequence[Line]) -> tuple[Published, ...]:
    """Return the whole versions of what was read, the lowest of each name first."""
    whole = ((entry, entry.bundle) for line in lines for entry in reversed(line.entries))
    return tuple(published_as(bundle, latest=entry.latest) for entry, bundle in whole if bundle is not None)


def published_as(bundle: Bundle, *, latest: bool) -> Published:
    """Return one version as its metadata states it."""
    metadata = bundle.metadata
    go = _go(metadata)
    return Published(
        name=metadata.name,
        version=metadata.version,
        created=metadata.created,
        target=metadata.target,
        latest=latest,
        verdict=stated_verdict(metadata)[0],
        size_bytes=bundle.size_bytes,
        go_p50_ms=None if go is None else go.p50_ms,
        go_p99_ms=None if go is None else go.p99_ms,
        go_peak_memory_bytes=None if go is None else go.peak_memory_bytes,
    )


def _go(metadata: Metadata) -> Measurement | None:
    runs = () if metadata.measurements is None else metadata.measurements.runs
    return next((run for run in runs if run.runtime == "go"), None)

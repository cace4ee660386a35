"""`dwcpc rollback`: point `latest` at the previous good version of a registry."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dwcpc.bench.stated_verdict import stated_verdict
from dwcpc.compiler.registry.rollback import RolledBack, roll_back
from dwcpc.compiler.versions import folder_name, parsed_version, version_text

if TYPE_CHECKING:
    from dwcpc.compiler.bundle import Bundle


def rolled_back(registry: Path, name: str, to: str | None) -> RolledBack:
    """Point `latest` of `name` at the version `to`, or at the previous one whose metadata says pass.

    A version that is asked for may be inconclusive, as a gate may have passed what a compile could not decide, but its
    parity was proven and no budget failed.
    """
    if to is None:
        return roll_back(registry, name, None, why_not_good)
    return roll_back(registry, name, parsed_version(to), why_not_possible)


def render(done: RolledBack) -> str:
    """Return what was done as lines of text."""
    before = "nothing" if done.before is None else folder_name(done.before)
    skipped = [f"  skipped {why}" for why in done.skipped]
    return "\n".join([*skipped, f"{done.name}: latest is {folder_name(done.now)}, was {before}"])


def as_data(done: RolledBack) -> dict[str, Any]:
    """Return what was done, for machines."""
    before = None if done.before is None else version_text(done.before)
    return {"name": done.name, "before": before, "latest": version_text(done.now), "skipped": list(done.skipped)}


def why_not_good(bundle: Bundle) -> str | None:
    """Return why the bundle is nothing to fall back on by itself; none where its metadata says pass."""
    verdict, _ = stated_verdict(bundle.metadata)
    return None if verdict == "pass" else f"is {verdict} by its own metadata"


def why_not_possible(bundle: Bundle) -> str | None:
    """Return why not even who asks for the bundle gets it."""
    if bundle.metadata.parity is None:
        return "was never compared with its source (--no-verify)"
    verdict, _ = stated_verdict(bundle.metadata)
    return "is fail by its own metadata" if verdict == "fail" else None

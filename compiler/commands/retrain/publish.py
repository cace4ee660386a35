"""The last step of `dwcpc retrain`: the gate, and the registry, unless it serves another version by now."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from dwcpc.compiler.commands.publish import Gate, Gated, PublishOrder, publish_bundle
from dwcpc.compiler.commands.retrain.model import Progress
from dwcpc.compiler.commands.retrain.report import Retraining
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.versions import latest_version, next_version, version_text


def gated(found: Retraining, bundle: Path, gate: Gate, progress: Progress) -> Retraining:
    """Return what the gate says of the candidate; nothing is published."""
    progress(f"gate: {bundle}")
    outcome = _still_served(found, gate)(bundle)
    return replace(found, verdict=outcome.verdict, gate=outcome.verdict, reasons=outcome.reasons)


def published(found: Retraining, bundle: Path, gate: Gate, progress: Progress) -> Retraining:
    """Publish the candidate as the next version where the gate passes it.

    Of two retrainings at once one wins: the other was compared with what is no longer served, which decides nothing.
    """
    registry = Path(found.registry)
    version = version_text(next_version(registry / found.name))
    order = PublishOrder(bundle, registry, version, latest=True)
    try:
        placed = publish_bundle(order, _still_served(found, gate), lambda step: progress(f"publish: {step}"))
    except InputError:
        overtaken = _moved(found) or _placed_by_another(registry / found.name / f"v{version}")
        if overtaken is None:
            raise
        return replace(found, verdict="inconclusive", reasons=(overtaken,), latest=latest_text(registry, found.name))
    return replace(
        found,
        verdict=placed.verdict,
        gate=placed.verdict,
        reasons=placed.reasons,
        notes=(*found.notes, *placed.notes),
        version=None if placed.path is None else placed.version,
        latest=placed.latest,
    )


def latest_text(registry: Path, name: str) -> str | None:
    """Return the version that the registry serves now."""
    version = latest_version(registry / name)
    return None if version is None else version_text(version)


def _still_served(found: Retraining, gate: Gate) -> Gate:
    """Return a gate that passes nothing once another version is served than the one that was compared with."""

    def judged(path: Path) -> Gated:
        outcome = gate(path)
        moved = _moved(found)
        return outcome if moved is None or outcome.verdict == "fail" else Gated("inconclusive", (moved,))

    return judged


def _placed_by_another(folder: Path) -> str | None:
    """Say so where the version, which was free, is there: whoever placed it may not have moved `latest` yet."""
    return f"{folder}: was published by another process meanwhile; retrain again" if folder.exists() else None


def _moved(found: Retraining) -> str | None:
    now = latest_text(Path(found.registry), found.name)
    if now == found.served:
        return None
    before = "nothing was served" if found.served is None else f"v{found.served} was"
    return f"latest of {found.name} is v{now}, and {before} when the candidate was compared; retrain again"

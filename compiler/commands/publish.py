"""`dwcpc publish`: gate a bundle, then place it in a registry and move `latest` up to it.

A bundle that cannot be read, or whose files are not those that its metadata names, is bad input (exit code 2). One that
is whole and does not reproduce its golden vectors is another model: that is the gate's to say, as a verdict (1).
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dwcpc.compiler.commands.gate import GateOptions, gate
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.registry.publishing import (
    Snapshot,
    destination_in,
    is_published,
    publish,
    take_snapshot,
)
from dwcpc.compiler.registry.renumber import write_renumbered
from dwcpc.compiler.registry.withdrawn import withdrawn_versions
from dwcpc.compiler.versions import folder_name, latest_version, parsed_version, version_text

if TYPE_CHECKING:
    from dwcpc.bench.gate_limits import GateLimits
    from dwcpc.bench.protocol import Protocol
    from dwcpc.compiler.metadata import Verdict
    from dwcpc.compiler.staging import Destination


@dataclass(frozen=True, slots=True)
class Gated:
    """A gate's verdict on one bundle; `reasons` say in sentences why it is not pass."""

    verdict: Verdict
    reasons: tuple[str, ...]


Gate = Callable[[Path], Gated]


@dataclass(frozen=True, slots=True)
class PublishOrder:
    """What to publish where; `version` none keeps the bundle's own."""

    bundle: Path
    registry: Path
    version: str | None
    latest: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an order. `path` is none where nothing was written; `latest` is what `latest` names now.

    `placed` says whether the version is new there; `notes` are sentences to tell beside.
    """

    name: str
    version: str
    verdict: Verdict
    reasons: tuple[str, ...]
    path: str | None
    placed: bool
    latest: str | None
    notes: tuple[str, ...]


def publish_bundle(order: PublishOrder, judge: Gate, progress: Callable[[str], None]) -> Outcome:
    """Carry out `order`: only a bundle that `judge` passes is written.

    A version that stands there with the same bytes is gated again, as nobody says who put it there; on pass it is a
    success, and moves `latest` as it would have the first time: so a publish that was interrupted is finished by
    repeating it. With other bytes it is refused, before the gate.
    """
    given = take_snapshot(order.bundle)
    with _candidate(given, order.version) as snapshot:
        destination = destination_in(order.registry, snapshot.bundle)
        is_published(snapshot, destination)  # an InputError of its is told before the work
        progress(f"gate on {snapshot.bundle.path}")
        gated = _stated(snapshot) or judge(snapshot.bundle.path)
        if gated.verdict != "pass":
            return _outcome(snapshot, destination, gated, placed=False)
        progress(f"publishing to {destination.folder}")
        placed = publish(snapshot, destination, latest=order.latest)
        notes = (*_left_behind(given), *_notes(order, destination))
        return _outcome(snapshot, destination, gated, placed=placed, notes=notes)


def render(outcome: Outcome) -> str:
    """Return the outcome as lines of text."""
    head = f"{outcome.name} v{outcome.version}   {outcome.verdict}"
    lines = [head, *(f"  {line}" for line in (*outcome.reasons, *outcome.notes))]
    latest = "no latest" if outcome.latest is None else f"latest is v{outcome.latest}"
    if outcome.path is None:
        return "\n".join([*lines, f"not published; {latest}"])
    what = "published" if outcome.placed else "is there already, with the same bytes"
    return "\n".join([*lines, f"{what}: {outcome.path}; {latest}"])


def gated_fully(registry: Path, limits: GateLimits, protocol: Protocol, progress: Callable[[str], None]) -> Gate:
    """Return the whole gate, with what `registry` serves now as the baseline."""
    options = GateOptions(limits, protocol, registry if registry.is_dir() else None)

    def gate_one(path: Path) -> Gated:
        outcome = gate([path], options, progress)
        if outcome.refused:
            raise InputError("; ".join(outcome.refused))
        findings = outcome.findings
        return Gated(findings.verdict, (*findings.reasons, *(why for each in findings.bundles for why in each.reasons)))

    return gate_one


def _stated(snapshot: Snapshot) -> Gated | None:
    """Return why the bundle's own metadata rules it out, whatever a gate finds."""
    parity = snapshot.bundle.metadata.parity
    if parity is None:
        why = "was compiled with --no-verify, never compared with its source; compile it again without that"
        return Gated("inconclusive", (f"{snapshot.bundle.path}: {why}",))
    if parity.verdict != "pass":
        return Gated(parity.verdict, (f"{snapshot.bundle.path}: its metadata says that parity is {parity.verdict}",))
    return None


@contextlib.contextmanager
def _candidate(given: Snapshot, wanted: str | None) -> Iterator[Snapshot]:
    """Yield what is to be gated and placed: the bundle, or a copy of it that differs in its version alone."""
    version = None if wanted is None else parsed_version(wanted)
    if version is None or version_text(version) == given.bundle.metadata.version:
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="dwcpc-publish-") as scratch:
        folder = Path(scratch) / given.bundle.metadata.name / folder_name(version)
        write_renumbered(given, version, folder)
        yield take_snapshot(folder)


def _left_behind(given: Snapshot) -> tuple[str, ...]:
    names = given.left_behind
    return (f"left behind, as the metadata does not name it: {', '.join(names)}",) if names else ()


def _notes(order: PublishOrder, destination: Destination) -> tuple[str, ...]:
    """Say why `latest` is another version, if it is."""
    current = latest_version(destination.model_folder)
    if current == destination.version or not order.latest:
        return ()
    version = version_text(destination.version)
    command = f"dwcpc rollback {destination.name} --registry {destination.out} --to {version}"
    back = f"point it there with: {command}"
    if destination.version in withdrawn_versions(destination.model_folder):
        return (f"latest stays, as v{version} is withdrawn by a rollback; {back}",)
    return (f"latest stays, as it is higher; {back}",)


def _outcome(
    snapshot: Snapshot, destination: Destination, gated: Gated, *, placed: bool, notes: tuple[str, ...] = ()
) -> Outcome:
    metadata = snapshot.bundle.metadata
    latest = latest_version(destination.model_folder)
    return Outcome(
        name=metadata.name,
        version=metadata.version,
        verdict=gated.verdict,
        reasons=gated.reasons,
        path=str(destination.folder) if gated.verdict == "pass" else None,
        placed=placed,
        latest=None if latest is None else version_text(latest),
        notes=notes,
    )

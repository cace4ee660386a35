"""Pointing `latest` at an earlier version: the highest good one below what it names, or the one asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dwcpc.compiler.bundle import Bundle
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.locks import locked
from dwcpc.compiler.registry.entries import Entry, Line, read_line
from dwcpc.compiler.registry.withdrawn import withdrawn_versions, write_withdrawn
from dwcpc.compiler.staging import LOCK, point_latest
from dwcpc.compiler.versions import Version, checked_name, folder_name, versions_in

Objection = Callable[[Bundle], str | None]


@dataclass(frozen=True, slots=True)
class RolledBack:
    """What `latest` named before and names now; `skipped` says why the versions between the two were passed over."""

    name: str
    before: Version | None
    now: Version
    skipped: tuple[str, ...]


def roll_back(registry: Path, name: str, wanted: Version | None, objection: Objection) -> RolledBack:
    """Point `latest` of `name` at the version `wanted`, or at the previous good one, in one step.

    Good is a version that is whole, that was not rolled back from, and to which `objection` has none. The versions
    above it, up to the one that `latest` named, are withdrawn: no later rollback picks them by itself, and publishing
    them again does not move `latest`. A version that is asked for may be withdrawn, which it is no longer then.
    """
    folder = registry / checked_name(name)
    if not versions_in(folder):
        raise InputError(f"{folder}: holds no version; expected a published name, see `dwcpc list`")
    try:
        with locked(folder / LOCK):
            return _rolled_back(folder, wanted, objection)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error}); mend that and roll back again") from error


def _rolled_back(folder: Path, wanted: Version | None, objection: Objection) -> RolledBack:
    line = read_line(folder)
    chosen, skipped = _previous(line, objection) if wanted is None else _asked_for(line, wanted, objection)
    withdrawn = withdrawn_versions(folder) | _between(line, chosen)
    write_withdrawn(folder, withdrawn - {chosen})  # first: a crash in between must not have it picked again
    point_latest(folder, chosen)
    return RolledBack(line.name, line.latest, chosen, skipped)


def _between(line: Line, chosen: Version) -> set[Version]:
    """Return the versions above the chosen one, up to what `latest` names."""
    if line.latest is None:
        return set()
    published = {line.latest, *(entry.version for entry in line.entries)}
    return {version for version in published if chosen < version <= line.latest}


def _previous(line: Line, objection: Objection) -> tuple[Version, tuple[str, ...]]:
    if line.latest is None:
        why = line.problem or f"`latest` of {line.name} names no version"
        raise InputError(f"{why}; name the version to point it at with --to")
    skipped: list[str] = []
    for entry in line.entries:
        if entry.version >= line.latest:
            continue
        why_not = "is withdrawn by an earlier rollback" if entry.withdrawn else _problem(entry, objection)
        if why_not is None:
            return entry.version, tuple(skipped)
        skipped.append(f"{folder_name(entry.version)} {why_not}")
    below = f" ({'; '.join(skipped)})" if skipped else ""
    raise InputError(
        f"{line.name}: latest is {folder_name(line.latest)}, and no good version is below it{below}; publish another, "
        "or name a version with --to"
    )


def _asked_for(line: Line, wanted: Version, objection: Objection) -> tuple[Version, tuple[str, ...]]:
    found = [entry for entry in line.entries if entry.version == wanted]
    if not found:
        there = ", ".join(folder_name(entry.version) for entry in line.entries)
        raise InputError(f"--to is {folder_name(wanted)[1:]}, expected a version of {line.name}: {there}")
    why_not = _problem(found[0], objection)
    if why_not is not None:
        raise InputError(f"{found[0].folder}: {why_not}; `latest` names good versions only, choose another with --to")
    return wanted, ()


def _problem(entry: Entry, objection: Objection) -> str | None:
    return f"is damaged ({entry.problem})" if entry.bundle is None else objection(entry.bundle)

"""What a registry holds: every version of every name, whole or with what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dwcpc.compiler.bundle import METADATA_FILE, Bundle, open_bundle
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.registry.withdrawn import withdrawn_versions
from dwcpc.compiler.versions import NAME, Version, folder_name, latest_version, versions_in


@dataclass(frozen=True, slots=True)
class Entry:
    """One version's folder. `bundle` is what it holds, hashes checked; none where `problem` says what is wrong."""

    folder: Path
    version: Version
    bundle: Bundle | None
    problem: str | None
    latest: bool
    withdrawn: bool


@dataclass(frozen=True, slots=True)
class Line:
    """All versions of one name, the highest first; `problem` is what is wrong with `latest`."""

    name: str
    latest: Version | None
    entries: tuple[Entry, ...]
    problem: str | None


def read_registry(registry: Path) -> tuple[Line, ...]:
    """Read every bundle of the registry; InputError when it is none. What is hidden or has no version is no entry."""
    if not registry.is_dir():
        raise InputError(f"{registry}: no such folder; expected a registry, which holds NAME/vX.Y")
    if versions_in(registry) or (registry / METADATA_FILE).exists():
        raise InputError(
            f"{registry}: is a model's or a bundle's own folder; expected the registry that holds NAME/vX.Y"
        )
    folders = (path for path in sorted(registry.iterdir()) if NAME.fullmatch(path.name) and path.is_dir())
    lines = (read_line(folder) for folder in folders)
    return tuple(line for line in lines if line.entries or line.problem)


def read_line(model_folder: Path) -> Line:
    """Read every bundle of `REGISTRY/NAME`."""
    latest, problem = _latest(model_folder)
    withdrawn = withdrawn_versions(model_folder)
    entries = []
    for version in reversed(versions_in(model_folder)):
        folder = model_folder / folder_name(version)
        bundle, damage = _opened(folder)
        entries.append(Entry(folder, version, bundle, damage, version == latest, version in withdrawn))
    if latest is not None and not any(entry.latest for entry in entries):
        problem = f"{model_folder / 'latest'}: names {folder_name(latest)}, which is not there; roll back to another"
    return Line(model_folder.name, latest, tuple(entries), problem)


def _latest(model_folder: Path) -> tuple[Version | None, str | None]:
    try:
        return latest_version(model_folder), None
    except InputError as error:
        return None, str(error)


def _opened(folder: Path) -> tuple[Bundle | None, str | None]:
    try:
        bundle = open_bundle(folder)
        check_place(bundle, folder)
    except InputError as error:
        return None, str(error)
    return bundle, None


def check_place(bundle: Bundle, folder: Path) -> None:
    """Refuse a bundle that says another name or version than the folder `REGISTRY/NAME/vX.Y` that it lies in."""
    metadata = bundle.metadata
    if (metadata.name, f"v{metadata.version}") != (folder.parent.name, folder.name):
        raise InputError(
            f"{folder / METADATA_FILE}: says {metadata.name} v{metadata.version}, expected {folder.parent.name} "
            f"{folder.name} as its folder; publish it instead of copying it"
        )

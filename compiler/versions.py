"""Names and versions of bundles, and the folders they live in: `OUT/NAME/vX.Y`."""

from __future__ import annotations

import re
from pathlib import Path

from dwcpc.compiler.errors import InputError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
VERSION = re.compile(r"(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})")
LATEST = "latest"

Version = tuple[int, int]
FIRST_VERSION: Version = (1, 0)


def checked_name(name: str) -> str:
    """Return `name` when it is one folder's name; InputError otherwise."""
    if not NAME.fullmatch(name):
        raise InputError(
            f"--name is {name!r}, expected 1 to 64 letters, digits, '_' or '-', the first a letter or digit"
        )
    return name


def parsed_version(text: str) -> Version:
    """Parse `X.Y`; InputError otherwise."""
    found = VERSION.fullmatch(text)
    if not found:
        raise InputError(f"--version is {text!r}, expected two whole numbers such as 1.0")
    return int(found[1]), int(found[2])


def version_text(version: Version) -> str:
    """Return `X.Y`."""
    return f"{version[0]}.{version[1]}"


def folder_name(version: Version) -> str:
    """Return the name of the version's folder, `vX.Y`."""
    return f"v{version_text(version)}"


def version_of(folder: str) -> Version | None:
    """Return the version that a folder's name `vX.Y` states; none for other names."""
    found = VERSION.fullmatch(folder[1:]) if folder.startswith("v") else None
    return (int(found[1]), int(found[2])) if found else None


def versions_in(model_folder: Path) -> list[Version]:
    """Return the versions that `OUT/NAME` holds, in numeric order."""
    if not model_folder.is_dir():
        return []
    found = (version_of(entry.name) for entry in model_folder.iterdir())
    return sorted(version for version in found if version is not None)


def next_version(model_folder: Path) -> Version:
    """Return the next minor version after the highest one there is; v1.0 first."""
    versions = versions_in(model_folder)
    return (versions[-1][0], versions[-1][1] + 1) if versions else FIRST_VERSION


def latest_version(model_folder: Path) -> Version | None:
    """Return what `latest` names, as a symlink or a one-line text file; none where there is none."""
    latest = model_folder / LATEST
    if latest.is_symlink():
        text = latest.readlink().name
    elif latest.is_file():
        text = latest.read_text(encoding="utf-8", errors="replace").strip()
    elif latest.exists():
        raise InputError(f"{latest}: is neither a link nor a file, expected one that names a version; remove it")
    else:
        return None
    version = version_of(text)
    if version is None:
        raise InputError(f"{latest}: names {text!r}, expected a version folder such as v1.0; point it at one")
    return version

"""The versions that were rolled back from: `REGISTRY/NAME/withdrawn`, one `vX.Y` a line, as versions never change.

`latest` moves to none of them by itself again; `rollback --to` takes one off the list.
"""

from __future__ import annotations

from collections.abc import Set
from pathlib import Path

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.staging import flush_folder, replace_text
from dwcpc.compiler.versions import Version, folder_name, version_of

WITHDRAWN = "withdrawn"


def withdrawn_versions(model_folder: Path) -> frozenset[Version]:
    """Return the versions of `REGISTRY/NAME` that were rolled back from."""
    path = model_folder / WITHDRAWN
    try:
        lines = path.read_text(encoding="utf-8").split()
    except FileNotFoundError:
        return frozenset()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: cannot be read ({error}), expected a version such as v1.0 a line; mend it"
        ) from error
    versions = {line: version_of(line) for line in lines}
    for line, version in versions.items():
        if version is None:
            raise InputError(f"{path}: holds {line[:80]!r}, expected a version such as v1.0 a line; mend it")
    return frozenset(version for version in versions.values() if version is not None)


def write_withdrawn(model_folder: Path, versions: Set[Version]) -> None:
    """Replace the list in one step; the caller holds the lock of `REGISTRY/NAME`."""
    path = model_folder / WITHDRAWN
    if versions:
        replace_text(path, "".join(f"{folder_name(version)}\n" for version in sorted(versions)))
    elif path.exists():
        path.unlink()
        flush_folder(model_folder)

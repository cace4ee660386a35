"""Which bundles a path means to the gate: itself, or the newest version of each model in the folder.

Not the one that `latest` names: a version that did not pass when it was compiled moves no `latest`, and it is the one
that a gate is asked about.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dwcpc.compiler.bundle import METADATA_FILE, Bundle, open_bundle
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.versions import folder_name, versions_in

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Candidates:
    """The bundles that could be read, and why the others could not."""

    bundles: tuple[Bundle, ...]
    refused: tuple[str, ...]


def open_candidates(paths: Iterable[Path]) -> Candidates:
    """Open every bundle that `paths` mean, each once. InputError where none of them can be read."""
    bundles, refused = [], []
    for folder in {folder.resolve(): folder for path in paths for folder in bundle_folders(path)}.values():
        try:
            bundles.append(open_bundle(folder))
        except InputError as error:
            refused.append(str(error))
    if not bundles:
        raise InputError("; ".join(refused))
    return Candidates(tuple(bundles), tuple(refused))


def bundle_folders(path: Path) -> list[Path]:
    """Return the bundles' folders that `path` means. InputError where it means none."""
    if not path.is_dir():
        raise InputError(f"{path}: is no folder; expected a bundle, or a folder of bundles such as dist")
    if (path / METADATA_FILE).exists():
        return [path]
    models = [path, *sorted(child for child in path.iterdir() if child.is_dir() and not child.name.startswith("."))]
    found = [newest for newest in map(_newest, models) if newest is not None]
    if not found:
        raise InputError(f"{path}: holds no bundle; expected a bundle, or a folder of bundles such as dist")
    return found[:1] if found[0].parent == path else found


def _newest(model_folder: Path) -> Path | None:
    versions = versions_in(model_folder)
    return model_folder / folder_name(versions[-1]) if versions else None

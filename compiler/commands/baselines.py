"""What a bundle is compared with: a bundle that the user names, or what serves now in a registry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dwcpc.compiler.bundle import METADATA_FILE, Bundle, open_bundle
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.versions import latest_version, versions_in

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Baseline:
    """One of three: a bundle to compare with, a note why there is none, or why the one there is cannot be read."""

    bundle: Bundle | None = None
    note: str | None = None
    refused: str | None = None


def find_baseline(path: Path, name: str, *, alone: bool) -> Baseline:
    """Return what the bundle called `name` is compared with. InputError where `path` is no folder at all.

    `path` is a bundle, a model's folder with `latest`, or a registry of such folders. A bundle of another name is the
    baseline only where the candidate is `alone`: then it is what the user must mean.
    """
    if not path.is_dir():
        raise InputError(f"--baseline {path}: is no folder; expected a bundle or a registry of bundles")
    try:
        return _found(path, name, alone=alone)
    except InputError as error:
        return Baseline(refused=f"--baseline: {error}")


def _found(path: Path, name: str, *, alone: bool) -> Baseline:
    if (path / METADATA_FILE).exists() or versions_in(path):
        if not (path / METADATA_FILE).exists() and latest_version(path) is None:
            return Baseline(note=f"{path} names no latest version, so there is nothing to compare {name} with")
        baseline = open_bundle(path)
        if baseline.metadata.name == name or alone:
            return Baseline(baseline)
        return Baseline(note=f"{path} is {baseline.metadata.name}, so {name} is compared with nothing")
    model_folder = path / name
    if latest_version(model_folder) is None:
        return Baseline(note=f"{path} serves no {name} yet, so there is nothing to compare it with")
    return Baseline(open_bundle(model_folder))

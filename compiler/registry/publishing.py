"""Placing a bundle in a registry, byte for byte, and moving `latest` up to it.

The metadata's bytes pin every other file by their hashes, so a bundle is published as it was when it was opened, or not
at all. What the metadata does not name, nobody has checked, and stays behind.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from dwcpc.compiler.bundle import METADATA_FILE, Bundle, open_bundle
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.locks import locked
from dwcpc.compiler.registry.withdrawn import withdrawn_versions
from dwcpc.compiler.staging import (
    LOCK,
    Destination,
    check_writable,
    place,
    point_latest,
    remove_leftovers,
    staging_folder,
)
from dwcpc.compiler.versions import latest_version, next_version, parsed_version, version_text

CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A bundle as it was when it was opened."""

    bundle: Bundle
    metadata: bytes

    @property
    def files(self) -> dict[str, str]:
        """SHA-256 of each file that the metadata names, by path."""
        metadata = self.bundle.metadata
        vectors = () if metadata.features is None else (metadata.features.golden.raw, metadata.features.golden.features)
        named = {file.file: file.sha256 for file in (*metadata.golden.files, *vectors)}
        return {metadata.model.file: metadata.model.sha256} | named

    @property
    def left_behind(self) -> tuple[str, ...]:
        """The visible files of the folder that the metadata does not name."""
        folder = self.bundle.path
        found = (path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file())
        return tuple(name for name in found if name not in {*self.files, METADATA_FILE} and not name.startswith("."))


def take_snapshot(path: Path) -> Snapshot:
    """Open the bundle at `path` and keep the bytes of its metadata."""
    bundle = open_bundle(path)
    metadata = (bundle.path / METADATA_FILE).read_bytes()
    if open_bundle(bundle.path) != bundle:
        raise InputError(f"{bundle.path}: changed while it was being read; publish it when nobody writes to it")
    return Snapshot(bundle, metadata)


def destination_in(registry: Path, bundle: Bundle) -> Destination:
    """Return where in the registry the bundle belongs."""
    return Destination(registry, bundle.metadata.name, parsed_version(bundle.metadata.version), replace=False)


def is_published(snapshot: Snapshot, destination: Destination) -> bool:
    """Say whether the version stands there with the same bytes; InputError when with others, or not to be written."""
    check_writable(destination, "--registry")
    if not destination.folder.exists():
        return False
    try:
        same = (destination.folder / METADATA_FILE).read_bytes() == snapshot.metadata
        open_bundle(destination.folder)
    except (OSError, InputError) as error:
        raise InputError(f"{destination.folder}: is published, and damaged ({error}); {_free(destination)}") from error
    if not same:
        raise InputError(
            f"{destination.folder}: is published with other bytes, and never changes; {_free(destination)}"
        )
    return True


def may_move_latest(destination: Destination) -> bool:
    """Say whether `latest` would move to the version: up only, and to none that was rolled back from."""
    current = latest_version(destination.model_folder)
    moves_up = current is None or current < destination.version
    return moves_up and destination.version not in withdrawn_versions(destination.model_folder)


def publish(snapshot: Snapshot, destination: Destination, *, latest: bool) -> bool:
    """Place the version unless it stands there with the same bytes; return whether it is new.

    Then `latest` moves up to it, if `latest` says so and it was not rolled back from. InputError when another process
    places the version meanwhile, be it with the same bytes: nothing of this one's is left then.
    """
    new = not is_published(snapshot, destination)
    try:
        if new:
            _place(snapshot, destination)
        with locked(destination.model_folder / LOCK):
            if latest and may_move_latest(destination):
                point_latest(destination.model_folder, destination.version)
    except OSError as error:
        raise InputError(f"{destination.folder}: cannot be written ({error}); mend that and publish again") from error
    return new


def _place(snapshot: Snapshot, destination: Destination) -> None:
    with staging_folder(destination) as staged:
        with locked(destination.model_folder / LOCK):
            remove_leftovers(destination.model_folder)
        copy_bundle(snapshot, staged)
        _check_copy(snapshot, staged)
        try:
            place(staged, destination)
        except InputError as error:
            if not destination.folder.exists():
                raise
            raise InputError(
                f"{destination.folder}: was published by another process meanwhile; {_free(destination)}, unless it is "
                "the same bundle"
            ) from error


def copy_bundle(snapshot: Snapshot, folder: Path) -> None:
    """Copy the bundle into the empty `folder`; InputError when a file is not what it was when it was opened."""
    (folder / METADATA_FILE).write_bytes(snapshot.metadata)
    for file, sha256 in snapshot.files.items():
        (folder / file).parent.mkdir(exist_ok=True)
        if _copied(snapshot.bundle.path / file, folder / file) != sha256:
            raise InputError(
                f"{snapshot.bundle.path / file}: changed while it was being copied; publish it when nobody writes to it"
            )


def _copied(source: Path, target: Path) -> str:
    """Copy the file and return the SHA-256 of what was copied."""
    digest = hashlib.sha256()
    with source.open("rb") as reader, target.open("xb") as writer:
        while chunk := reader.read(CHUNK_BYTES):
            digest.update(chunk)
            writer.write(chunk)
    return digest.hexdigest()


def _check_copy(snapshot: Snapshot, staged: Path) -> None:
    """Open the copy, as every reader will: what a broken disk gives back is not what was written."""
    if open_bundle(staged).metadata != snapshot.bundle.metadata:
        raise InputError(
            f"{snapshot.bundle.path}: changed while it was being copied; publish it when nobody writes to it"
        )


def _free(destination: Destination) -> str:
    return f"--version {version_text(next_version(destination.model_folder))} is free"

"""Placing a version atomically: a temporary sibling folder, flushed, renamed into place; then `latest`, renamed too.

A crash at any instant leaves the old state or the new one, and `latest` always names a whole version.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.versions import LATEST, Version, folder_name, latest_version, version_text

AT_FDCWD = -100
RENAME_EXCHANGE = 2  # linux/fs.h


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a version will stand: `OUT/NAME/vX.Y`."""

    out: Path
    name: str
    version: Version
    replace: bool

    @property
    def model_folder(self) -> Path:
        """`OUT/NAME`."""
        return self.out / self.name

    @property
    def folder(self) -> Path:
        """`OUT/NAME/vX.Y`."""
        return self.model_folder / folder_name(self.version)


def check_destination(destination: Destination) -> None:
    """Refuse an existing version, a broken `latest` and a folder that cannot be written, before any work is done."""
    if destination.folder.exists() and not destination.replace:
        raise InputError(f"{destination.folder}: exists already; choose another --version or replace it with --force")
    latest_version(destination.model_folder)  # one that names no version could not be moved afterwards
    existing = destination.model_folder
    while not existing.exists() and not existing.is_symlink():
        existing = existing.parent
    if not existing.is_dir():
        raise InputError(f"{existing}: is not a folder, so nothing can be written to {destination.model_folder}")
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise InputError(f"{existing}: cannot be written to ({error.strerror}); choose another --out") from error


@contextlib.contextmanager
def staging_folder(destination: Destination) -> Iterator[Path]:
    """Yield a temporary sibling of the version's folder; what is left of it at the end is removed."""
    created = [path for path in (destination.out, destination.model_folder) if not path.exists()]
    destination.model_folder.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(prefix=f".{folder_name(destination.version)}-", dir=destination.model_folder))
    staged.chmod(0o755)
    try:
        yield staged
    finally:
        shutil.rmtree(staged, ignore_errors=True)
        for folder in reversed(created):
            with contextlib.suppress(OSError):  # not empty: something was placed
                folder.rmdir()


def place(staged: Path, destination: Destination) -> None:
    """Flush and rename the staged folder into place; InputError when another compile was faster."""
    _flush(staged)
    if destination.folder.exists() and destination.replace:
        _exchange(staged, destination.folder)
    else:
        try:
            staged.rename(destination.folder)
        except OSError as error:
            raise InputError(
                f"{destination.folder}: appeared while this version was being made; choose another --version"
            ) from error
    _flush_folder(destination.model_folder)


def move_latest(destination: Destination) -> bool:
    """Point `latest` at the version unless it names a higher one; return whether it names this one now."""
    current = latest_version(destination.model_folder)
    if current is not None and current > destination.version:
        return False
    latest = destination.model_folder / LATEST
    temporary = destination.model_folder / f".{LATEST}-{version_text(destination.version)}-{os.getpid()}"
    temporary.unlink(missing_ok=True)
    try:
        temporary.symlink_to(folder_name(destination.version))
    except OSError:  # a filesystem without symlinks: readers accept a one-line text file
        temporary.write_text(folder_name(destination.version) + "\n", encoding="utf-8")
    temporary.replace(latest)
    _flush_folder(destination.model_folder)
    return True


def names_latest(destination: Destination) -> bool:
    """Say whether `latest` names this very version."""
    return latest_version(destination.model_folder) == destination.version


def _exchange(staged: Path, folder: Path) -> None:
    """Swap two folders in one step where the system can; else in two, between which there is no version."""
    libc = ctypes.CDLL(None, use_errno=True)
    renameat2 = getattr(libc, "renameat2", None)
    if renameat2 and renameat2(AT_FDCWD, os.fsencode(staged), AT_FDCWD, os.fsencode(folder), RENAME_EXCHANGE) == 0:
        return
    old = staged.with_name(staged.name + ".old")
    folder.rename(old)
    staged.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def _flush(folder: Path) -> None:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
    for path in [*folder.rglob("*"), folder]:
        if path.is_dir():
            _flush_folder(path)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

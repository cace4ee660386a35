"""Placing a version atomically: a temporary sibling folder, flushed, renamed into place; then `latest`, renamed too.

A crash at any instant leaves the old state or the new one, and `latest` always names a whole version. What else it
leaves has a hidden name, which no reader looks at, and nobody's lock: `remove_leftovers` takes it away.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.locks import locked, locked_if_free
from dwcpc.compiler.versions import LATEST, Version, folder_name, latest_version

AT_FDCWD = -100
RENAME_EXCHANGE = 2  # linux/fs.h
LOCK = ".lock"  # of OUT/NAME: held while `latest` is moved
LEFTOVER = re.compile(r"(?P<staged>\.v[0-9]+\.[0-9]+-[0-9a-f]{8})(\.old|\.lock)?")
TEMPORARY = ".new-"
ATTEMPTS = 100  # to make a folder that another process, having failed, removes as empty


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
    check_writable(destination, "--out")


def check_writable(destination: Destination, option: str) -> None:
    """Refuse a broken `latest` and a folder that cannot be written; `option` is where the user can name another."""
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
        raise InputError(f"{existing}: cannot be written to ({error.strerror}); choose another {option}") from error


@contextlib.contextmanager
def staging_folder(destination: Destination) -> Iterator[Path]:
    """Yield a temporary sibling of the version's folder; what is left of it at the end is removed."""
    created = [path for path in (destination.out, destination.model_folder) if not path.exists()]
    staged = destination.model_folder / f".{folder_name(destination.version)}-{secrets.token_hex(4)}"
    try:
        with contextlib.ExitStack() as held:
            _hold(staged, held)
            staged.mkdir()
            staged.chmod(0o755)
            try:
                yield staged
            finally:
                shutil.rmtree(staged, ignore_errors=True)
    finally:
        for folder in reversed(created):
            with contextlib.suppress(OSError):  # not empty: something was placed
                folder.rmdir()


def _hold(staged: Path, held: contextlib.ExitStack) -> None:
    """Take the staging folder's lock, which lies beside it, before there is a folder: none is ever without its own."""
    for _ in range(ATTEMPTS):
        with contextlib.suppress(FileNotFoundError):
            staged.parent.mkdir(parents=True, exist_ok=True)
            held.enter_context(locked(_lock_of(staged)))
            return
    raise InputError(f"{staged.parent}: is removed again and again by another process; stop that one")


def _lock_of(staged: Path) -> Path:
    return staged.with_name(f"{staged.name}.lock")


def remove_leftovers(model_folder: Path) -> None:
    """Remove what crashed processes left in `OUT/NAME`, whose lock the caller holds; what is still held stays."""
    entries = [entry.name for entry in model_folder.iterdir()]
    for staged in {found["staged"] for name in entries if (found := LEFTOVER.fullmatch(name))}:
        with locked_if_free(model_folder / f"{staged}.lock") as free:
            if free:
                shutil.rmtree(model_folder / staged, ignore_errors=True)
                shutil.rmtree(model_folder / f"{staged}.old", ignore_errors=True)
    for name in entries:
        if name.startswith(TEMPORARY):  # made and renamed under the caller's lock
            (model_folder / name).unlink(missing_ok=True)


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
    flush_folder(destination.model_folder)
    flush_folder(destination.out)  # which may have gained NAME


def move_latest(destination: Destination) -> bool:
    """Point `latest` at the version unless it names a higher one; return whether it names this one now."""
    with locked(destination.model_folder / LOCK):
        return advance_latest(destination)


def advance_latest(destination: Destination) -> bool:
    """Do what `move_latest` does, for a caller who holds the lock of `OUT/NAME`."""
    current = latest_version(destination.model_folder)
    if current is not None and current > destination.version:
        return False
    point_latest(destination.model_folder, destination.version)
    return True


def point_latest(model_folder: Path, version: Version) -> None:
    """Point `latest` at `version`, up or down, in one step; the caller holds the lock of `OUT/NAME`."""
    temporary = model_folder / f"{TEMPORARY}{LATEST}"
    temporary.unlink(missing_ok=True)
    try:
        temporary.symlink_to(folder_name(version))
    except OSError:  # a filesystem without symlinks: readers accept a one-line text file
        _write_flushed(temporary, folder_name(version) + "\n")
    temporary.replace(model_folder / LATEST)
    flush_folder(model_folder)


def replace_text(path: Path, text: str) -> None:
    """Write a small file of `OUT/NAME`, whose lock the caller holds, in one step."""
    temporary = path.with_name(f"{TEMPORARY}{path.name}")
    _write_flushed(temporary, text)
    temporary.replace(path)
    flush_folder(path.parent)


def _write_flushed(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


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
            flush_folder(path)


def flush_folder(folder: Path) -> None:
    """Have the names in `folder` on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

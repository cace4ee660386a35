"""Locks between processes. The kernel opens one when its holder ends, however it ends, so a crash blocks nobody.

A lock is a file, held by flock(2), which network filesystems need opened for writing. It is removed while it is still
held; who waited for a file that is gone by then begins again.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
from collections.abc import Iterator
from pathlib import Path

logger = logging.getLogger(__name__)

UNSUPPORTED = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock at `path`, after whoever holds it now. FileNotFoundError when its folder is gone.

    Where the filesystem has no locks a warning says so, and nothing is held.
    """
    descriptor = _acquired(path, fcntl.LOCK_EX)
    if descriptor is None:
        logger.warning("%s: this filesystem has no locks; do not write here from two processes at once", path.parent)
        yield
        return
    try:
        yield
    finally:
        _release(path, descriptor)


@contextlib.contextmanager
def locked_if_free(path: Path) -> Iterator[bool]:
    """Hold the lock at `path` if nobody else does, and say so; false too where the filesystem has no locks."""
    descriptor = _acquired(path, fcntl.LOCK_EX | fcntl.LOCK_NB)
    try:
        yield descriptor is not None
    finally:
        if descriptor is not None:
            _release(path, descriptor)


def _acquired(path: Path, operation: int) -> int | None:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, operation)
        except OSError as error:
            os.close(descriptor)
            if isinstance(error, BlockingIOError):
                return None
            path.unlink(missing_ok=True)
            if error.errno in UNSUPPORTED:
                return None
            raise
        if _is_at(path, descriptor):
            return descriptor
        os.close(descriptor)


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _release(path: Path, descriptor: int) -> None:
    path.unlink(missing_ok=True)
    os.close(descriptor)

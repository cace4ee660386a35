"""Writing a file that its readers see whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from dwcpc.compiler.errors import InputError


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Yield a file that becomes `path` in one step; InputError, and no file, where it cannot be written."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with partial.open("wb") as file:
            yield file
        partial.replace(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); choose another file") from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()


def check_file_writable(path: Path) -> None:
    """Refuse a file in a folder that is not there, before anything is computed for it."""
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise InputError(f"{path}: cannot be written; name a file in a folder that exists")

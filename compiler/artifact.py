"""A source file, read once: what is hashed is what is parsed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from dwcpc.compiler.errors import InputError

MAX_ARTIFACT_BYTES = 2 * 1024**3  # models for a 50 MB bundle; anything larger is a mistake


@dataclass(frozen=True, slots=True)
class Artifact:
    """The bytes of one source file and their SHA-256."""

    path: Path
    data: bytes
    sha256: str


def read_artifact(path: Path) -> Artifact:
    """Read `path`; a missing, empty, unreadable or enormous file is an InputError."""
    if not path.exists():
        raise InputError(f"{path}: no such file; expected a trained model, check the path")
    if not path.is_file():
        raise InputError(f"{path}: is not a regular file; expected a trained model's file")
    size = path.stat().st_size
    if size == 0:
        raise InputError(f"{path}: is empty; expected a trained model, save or copy it again")
    if size > MAX_ARTIFACT_BYTES:
        raise InputError(f"{path}: is {size} bytes, more than the {MAX_ARTIFACT_BYTES} that a model may have")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    return Artifact(path, data, hashlib.sha256(data).hexdigest())

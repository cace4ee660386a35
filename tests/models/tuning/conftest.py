"""A study in a SQLite file."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

MEMORY = Path("/dev/shm")  # noqa: S108 - a file system without a disk, where each of SQLite's commits takes no 15 ms


@pytest.fixture
def url() -> Iterator[str]:
    """Return the address of a database that is not there yet."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        yield f"sqlite:///{folder}/study.db"

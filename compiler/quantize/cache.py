"""What a search has computed, on disk: an interrupted search goes on where it stopped, a repeated one is quick.

Each entry is named by the SHA-256 of everything that it follows from, so that nothing stale is ever found; it is
written beside its place and renamed into it, so that nothing half-written is.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

CACHE_VARIABLE = "DWCPC_CACHE"
FORMAT = b"dwcpc precision search 1"  # counts up when what is computed changes


@dataclass(frozen=True, slots=True)
class Cache:
    """Entries in `folder`; without one nothing is kept."""

    folder: Path | None

    def get(self, key: str) -> bytes | None:
        """Return the entry, or nothing."""
        if self.folder is None:
            return None
        try:
            return (self.folder / key).read_bytes()
        except OSError:
            return None

    def put(self, key: str, data: bytes) -> None:
        """Keep the entry; a folder that cannot be written is no reason to stop."""
        if self.folder is None:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self.folder, delete=False) as file:
                file.write(data)
            Path(file.name).replace(self.folder / key)
        except OSError:
            return


def default_cache() -> Cache:
    """Return the cache in `DWCPC_CACHE`, or in the user's own cache folder."""
    named = os.environ.get(CACHE_VARIABLE)
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Cache(Path(named) if named else base / "dwcpc" / "precision")


def key_of(parts: Iterable[bytes]) -> str:
    """Return the name of what follows from `parts`, in their order."""
    digest = hashlib.sha256(FORMAT)
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()

"""What every report is made from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dwcpc.compiler.metadata import Metadata, Verdict


@dataclass(frozen=True, slots=True)
class Summary:
    """One bundle as judged: `path` is where it stands, `size_bytes` the whole of it, `report` where more is said."""

    metadata: Metadata
    verdict: Verdict
    path: Path
    size_bytes: int
    report: Path | None = None

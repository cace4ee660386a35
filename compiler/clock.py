"""The time as files of ours have it."""

from __future__ import annotations

import os
import time


def now() -> str:
    """Return UTC as `2026-01-31T12:00:00Z`; SOURCE_DATE_EPOCH makes what is made again the same bytes."""
    seconds = int(os.environ.get("SOURCE_DATE_EPOCH", time.time()))
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))

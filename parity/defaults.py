"""How many rows are compared and how they are drawn, unless the user says otherwise; light enough for `--help`."""

from __future__ import annotations

DEFAULT_ROWS = 4096
DEFAULT_SEED = 20260101

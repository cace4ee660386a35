"""The findings as JSON, by findings.schema.json: what `findings_file.read_findings` reads, and other programs."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dwcpc.bench.findings import Findings

INFINITE = sys.float_info.max  # JSON has no infinities, and an error that is one has to be told all the same


def render(findings: Findings) -> str:
    """Return the document; infinities and NaN become the largest double."""
    document = _finite(dataclasses.asdict(findings))
    return json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return -INFINITE if value == -math.inf else INFINITE
    return value

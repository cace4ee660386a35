"""JSON that every parser reads alike; Go refuses the same (go_harness/internal/strictjson).

Beyond the grammar: text that is no UTF-8, a key that stands twice in one object or in two cases (Go matches keys
without regard to case), NaN and infinities, numbers that float64 cannot hold, and lone surrogates.
"""

from __future__ import annotations

import json
import math
from typing import Any

INT64_RANGE = range(-(2**63), 2**63)


def parse_strictly(data: bytes) -> Any:
    """Return the document; ValueError or RecursionError says what is wrong with it."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 text, at byte {error.start}") from error
    document = json.loads(
        text, object_pairs_hook=_object, parse_constant=_constant, parse_float=_float, parse_int=_integer
    )
    json.dumps(document, ensure_ascii=False).encode("utf-8")  # a lone surrogate fails here
    return document


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    seen: dict[str, str] = {}
    for key, _ in pairs:
        folded = key.casefold()
        if folded in seen:
            raise ValueError(f"ambiguous: the keys {seen[folded]!r} and {key!r} in one object")
        seen[folded] = key
    return dict(pairs)


def _constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")


def _float(literal: str) -> float:
    value = float(literal)
    if not math.isfinite(value):
        raise ValueError(f"the number {literal[:40]} is out of range")
    return value


def _integer(literal: str) -> int | float:
    value = _float(literal)
    if abs(value) < 2.0**64 and int(literal) in INT64_RANGE:
        return int(literal)
    return value

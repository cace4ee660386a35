"""The checksum at the end of `metadata.json`, which has no other file to hold its hash.

    {
     …,
     "checksum": "<SHA-256 of all bytes before the comma in front of this line>"
    }

So a bit that changed on the way is found by every reader: the text is exactly that, or it is refused. It is no
signature, as anybody can compute it anew. The schema does not ask for it, as findings hold metadata without its text.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

KEY = "checksum"
_BEFORE = f',\n "{KEY}": "'
_END = "\n}"


def sealed(document: dict[str, Any]) -> str:
    """Return the text of `document` with its checksum; NaN and infinities are a ValueError."""
    given = {key: value for key, value in document.items() if key != KEY}
    text = json.dumps(given, indent=1, allow_nan=False, ensure_ascii=False).removesuffix(_END)
    return f'{text}{_BEFORE}{_digest(text.encode())}"{_END}\n'


def broken_seal(data: bytes, document: dict[str, Any]) -> str:
    """Return what is wrong with the checksum of `document`, of the text `data`; nothing where it holds."""
    found = repr(str(document[KEY])[:64]) if KEY in document else "missing"
    at = data.rfind(_BEFORE.encode())
    if at < 0:
        return f"{KEY} is {found}, expected the SHA-256 of the text before it, on a line at the end of the file"
    expected = _digest(data[:at])
    if data[at:] == f'{_BEFORE}{expected}"{_END}\n'.encode():
        return ""
    return f"{KEY} is {found}, expected {expected!r} at the end of the file"


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()

"""Text that an XML document can hold, and text at a length that a label can."""

from __future__ import annotations

import re

NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, 2.2 Characters


def legal(text: str) -> str:
    """Replace the characters that no XML document may hold, not even escaped."""
    return NOT_XML.sub("\ufffd", text)


def clipped(text: str, length: int) -> str:
    """Return `text` on one line of at most `length` characters."""
    line = " ".join(text.split())
    return line if len(line) <= length else f"{line[: length - 1]}…"

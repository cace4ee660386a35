"""Text that a document can hold, and text at a length that a label can."""

from __future__ import annotations

import re

# What XML 1.0 has no place for (2.2, Characters), and what turns the direction of the text behind it (UAX 9), so that
# figures would read backwards.
NOT_TEXT = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\u202a-\u202e\u2066-\u2069]")


def legal(text: str) -> str:
    """Replace the characters that a document may not hold, not even escaped."""
    return NOT_TEXT.sub("\ufffd", text)


def clipped(text: str, length: int) -> str:
    """Return `text` on one line of at most `length` characters."""
    line = " ".join(text.split())
    return line if len(line) <= length else f"{line[: length - 1]}…"

"""Tables of GitHub's Markdown, and text that is text there whatever it holds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dwcpc.bench.reports.safe_text import legal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SPECIAL = re.compile(r"[\\`*{}\[\]#~]|(?<!\w)_|_(?!\w)")  # an underscore within a name is no markup
# A bar would end a cell; @ would notify whoever is called so.
HTML = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;", "@": "&#64;"}


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; a bar in a cell stays in the cell."""
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def escaped(text: str) -> str:
    """Return `text` so that it reads the same: on one line, no markup, no HTML, no mention."""
    line = " ".join(legal(text).split())
    return "".join(HTML.get(character, character) for character in SPECIAL.sub(lambda found: f"\\{found[0]}", line))

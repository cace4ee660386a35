"""A table of the HTML report, and columns whose points stand below each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from dwcpc.bench.reports.json_document import INFINITE

NONE = "–"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under their heads; the columns named by `words` are read, the others are figures and stand right."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: frozenset[int]


def table_of(caption: str, heads: Sequence[str], rows: Sequence[Sequence[str]], words: Sequence[int] = (0,)) -> Table:
    """Return the table; `words` are the columns that are read."""
    return Table(caption, tuple(heads), tuple(tuple(row) for row in rows), frozenset(words))


def column(values: Sequence[float | None]) -> list[str]:
    """Return a column's figures with as many decimals each, so that their points stand below each other."""
    positive = sorted(abs(value) for value in values if value and abs(value) < INFINITE)
    middle = positive[len(positive) // 2] if positive else 1.0
    decimals = min(6, max(0, 2 - math.floor(math.log10(middle))))
    return [NONE if value is None else f"{value:.{decimals}f}" if abs(value) < INFINITE else "∞" for value in values]


def columns(rows: Sequence[Sequence[float | None]]) -> list[tuple[str, ...]]:
    """Align each column of a table of figures."""
    return list(zip(*(column(values) for values in zip(*rows, strict=True)), strict=True)) if rows else []

"""The kinds of values that several commands take."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import click


class FilePath(click.Path):
    """A path, there or not; one that the system cannot even look up is bad usage."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return `value` as a Path."""
        path = Path(value)
        try:
            path.exists()
        except OSError as error:
            self.fail(f"{str(path)!r}: {error.strerror}", param, ctx)
        return path


FILE = FilePath()
SEED = click.IntRange(min=0, max=2**63 - 1)  # as every reader of the metadata holds it


def input_shape(_context: click.Context, _option: click.Parameter, text: str | None) -> tuple[int, ...] | None:
    """Parse `30,12`."""
    if text is None:
        return None
    parts = text.replace("x", ",").split(",")
    if not all(part.strip().isdecimal() and int(part) > 0 for part in parts):
        raise click.BadParameter(f"{text!r} is not a shape, expected positive numbers such as 30,12")
    return tuple(int(part) for part in parts)


def finite(_context: click.Context, _option: click.Parameter, number: float | None) -> float | None:
    """Refuse NaN and infinities, which click's float lets through and metadata cannot hold."""
    if number is not None and not math.isfinite(number):
        raise click.BadParameter(f"{number} is not a finite number")
    return number

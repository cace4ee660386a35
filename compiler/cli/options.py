"""The kinds of values that several commands take."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource


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


def added(command: Callable[..., Any], options: Sequence[Callable[..., Any]]) -> Callable[..., Any]:
    """Add `options`, in the order in which help shows them, to a command."""
    for option in reversed(options):
        command = option(command)
    return command


def on_the_command_line(context: click.Context, names: Iterable[str]) -> list[str]:
    """Return those of `names` that were given, rather than left to their defaults or the environment."""
    return [name for name in names if context.get_parameter_source(name) == ParameterSource.COMMANDLINE]


def refuse_other_source(
    context: click.Context, *, given: bool, of_a_table: Sequence[str], of_the_simulator: Sequence[str], simulator: str
) -> None:
    """Refuse options of the simulator where a table is given, and those of a table where none is."""
    for name in on_the_command_line(context, of_the_simulator if given else of_a_table):
        remedy = "omit it" if given else "give --data too"
        raise click.UsageError(f"--{name}: belongs to {simulator if given else '--data'}; {remedy}")


def listed(text: str | None) -> tuple[str, ...]:
    """Return the names between commas."""
    return tuple(name.strip() for name in (text or "").split(",") if name.strip())


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

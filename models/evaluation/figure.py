"""A figure in a PNG file, drawn without a screen."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from dwcpc.compiler.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def file_name(name: str) -> str:
    """Return `name` as a part of a file's name: letters and digits stay, anything else is a hyphen."""
    return "".join(character if character.isalnum() else "-" for character in name)


@contextlib.contextmanager
def drawn(path: Path, panels: int) -> Iterator[list[Axes]]:
    """Yield so many axes side by side; the file is written when the block ends."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError(f"{path}: plots need matplotlib, which is not installed; install dwcpc[train]") from error

    figure = Figure(figsize=(4.6 * panels, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    yield [figure.add_subplot(1, panels, at + 1) for at in range(panels)]
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, metadata={"Software": None})  # the same bytes from the same data

"""What the plots' axes share: logarithmic milliseconds in words, room for a label, runtimes that look the same."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from dwcpc.bench.reports.plots.svg import INK, LIMIT, RUNTIME_COLOURS, SURFACE, TEXT
from dwcpc.bench.reports.safe_text import clipped
from dwcpc.bench.reports.wording import duration

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RUNTIME_NAMES = {"go": "Go", "python": "Python"}


def runtime_name(runtime: str) -> str:
    """Return the runtime as people write it."""
    return RUNTIME_NAMES.get(runtime, clipped(runtime, 24))


def runtime_colour(runtime: str) -> str:
    """Return the runtime's colour, the same in every plot."""
    return RUNTIME_COLOURS.get(runtime, INK)


def log_milliseconds(axes: Axes, low: float, high: float) -> None:
    """Make x logarithmic from `low` to `high` ms, with its ticks in words such as 100 µs."""
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    ticks = _log_ticks(low, high)
    axes.set_xticks(ticks, [duration(tick) for tick in ticks])
    axes.set_xticks([], minor=True)


def _log_ticks(low: float, high: float) -> list[float]:
    """Return at most six round numbers: powers of ten, with 2 and 5 between where those are few."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1, 2, 5), (1, 3), (1,)):
        ticks = [step * 10.0**decade for decade in decades for step in steps]
        inside = [tick for tick in ticks if low <= tick <= high]
        if len(inside) <= 6:
            return inside
    return inside[:: math.ceil(len(inside) / 6)]


def log_figures(axes: Axes, low: float, high: float) -> None:
    """Make y logarithmic from `low` to `high`, with its ticks as figures such as 0.01 or 3e-07."""
    axes.set_yscale("log")
    axes.set_ylim(low, high)
    ticks = _log_ticks(low, high)
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_yticks([], minor=True)


def row_label(axes: Axes, place: int, text: str) -> None:
    """Write over a row, from the left edge on; lines pass behind it."""
    axes.annotate(
        text,
        (0, place),
        xycoords=("axes fraction", "data"),
        xytext=(1, 9),
        textcoords="offset points",
        va="bottom",
        fontsize=TEXT,
        bbox={"facecolor": SURFACE, "edgecolor": "none", "pad": 1},
    )


def budget_line(axes: Axes, at: float, label: str, *, side: str = "right") -> None:
    """Draw the upright line that must not be passed."""
    axes.axvline(at, color=LIMIT, linewidth=1.4, linestyle=(0, (4, 3)))
    offset = (-4, 0) if side == "right" else (4, 0)
    axes.annotate(
        label,
        (at, 1),
        xycoords=("data", "axes fraction"),
        xytext=(offset[0], -2),
        textcoords="offset points",
        ha=side,
        va="top",
        color=LIMIT,
        fontsize=TEXT,
        rotation=0,
    )


def legend_above(axes: Axes) -> None:
    """Put the legend over the plot, where it covers nothing."""
    axes.legend(
        loc="lower left", bbox_to_anchor=(0, 1), ncols=4, borderaxespad=0.2, handlelength=1.2, columnspacing=1.4
    )

"""The latency of single calls: which share of them took how long at most, with room for each further nine.

y = −log10(1 − share), so that 90 %, 99 % and 99.9 % are as far apart as the tail is worth; x is logarithmic.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from dwcpc.bench.reports.plots.axes import (
    budget_line,
    legend_above,
    log_milliseconds,
    runtime_colour,
    runtime_name,
)
from dwcpc.bench.reports.plots.svg import Plot, canvas, finished
from dwcpc.bench.reports.wording import duration

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Points = Sequence[tuple[float, float]]
NINES = ((0.5, "50 %"), (0.9, "90 %"), (0.99, "99 %"), (0.999, "99.9 %"), (0.9999, "99.99 %"))
HEIGHT = 250
SMALLEST_MS = 1e-6  # the clock's resolution; a logarithm needs more than nothing


def latency_plot(key: str, curves: Mapping[str, Points], budget_ms: float | None, *, whole: bool) -> Plot:
    """Plot each runtime's (latency in ms, share not above it); `whole` curves, or a few percentiles of them."""
    drawn = {runtime: _drawable(points) for runtime, points in curves.items()}
    with canvas(HEIGHT) as (figure, (axes,)):
        for runtime, points in drawn.items():
            _draw(axes, runtime, points, whole=whole)
        _span(axes, drawn, budget_ms)
        top = max(_height(share) for points in drawn.values() for _, share in points)
        ticks = [(share, label) for share, label in NINES if _height(share) <= top]
        axes.set_ylim(0, top * 1.04)
        axes.set_yticks([_height(share) for share, _ in ticks], [label for _, label in ticks])
        axes.set_ylabel("share of calls")
        legend_above(axes)
        return finished(figure, key, "Latency of one call", _description(drawn, budget_ms))


def _drawable(points: Points) -> Points:
    """Return the points whose share has a height: the last one, of all calls, stands where the one before it does."""
    highest = max((share for _, share in points if share < 1), default=0.5)
    return [(max(latency, SMALLEST_MS), min(share, highest + (1 - highest) / 2)) for latency, share in points]


def _height(share: float) -> float:
    return -math.log10(1 - share)


def _draw(axes: Axes, runtime: str, points: Points, *, whole: bool) -> None:
    xs, ys = [latency for latency, _ in points], [_height(share) for _, share in points]
    colour, label = runtime_colour(runtime), runtime_name(runtime)
    if whole:
        axes.step(xs, ys, where="post", color=colour, label=label)
    else:
        axes.plot(xs, ys, color=colour, label=label, marker="o", markersize=5, linewidth=1)


def _span(axes: Axes, curves: Mapping[str, Points], budget_ms: float | None) -> None:
    latencies = [latency for points in curves.values() for latency, _ in points]
    low, high = min(latencies), max(latencies)
    if budget_ms is not None and budget_ms > 0:
        low, high = min(low, budget_ms), max(high, budget_ms)
        budget_line(axes, budget_ms, f"budget {duration(budget_ms)}", side="right" if budget_ms > low * 2 else "left")
    log_milliseconds(axes, low / 1.15, high * 1.15)


def _description(curves: Mapping[str, Points], budget_ms: float | None) -> str:
    parts = [
        f"{runtime_name(runtime)}: half of the calls within {duration(_within(points, 0.5))}, 99 % within "
        f"{duration(_within(points, 0.99))}."
        for runtime, points in curves.items()
    ]
    budget = "" if budget_ms is None else f" The budget is {duration(budget_ms)} for 99 % of the calls."
    return " ".join(parts) + budget


def _within(points: Points, share: float) -> float | None:
    return next((latency for latency, reached in points if reached >= share), None)

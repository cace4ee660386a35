"""One model over the versions of a registry: its latency in Go, and what it takes of disk and memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dwcpc.bench.reports.plots.axes import legend_above
from dwcpc.bench.reports.plots.svg import GO, INK, MUTED, PYTHON, SURFACE, Plot, canvas, finished
from dwcpc.bench.reports.wording import duration, megabytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from dwcpc.bench.findings import Published

HEIGHT = 420
MOST_TICKS = 8


def history_plot(key: str, versions: Sequence[Published]) -> Plot | None:
    """Plot the versions of one model, the oldest first; none for fewer than two."""
    if len(versions) < 2:
        return None
    memory = [None if each.go_peak_memory_bytes is None else each.go_peak_memory_bytes / 1e6 for each in versions]
    with canvas(HEIGHT, rows=3) as (figure, (upper, middle, lower)):
        _line(upper, versions, [each.go_p50_ms for each in versions], "p50", MUTED)
        _line(upper, versions, [each.go_p99_ms for each in versions], "p99", GO)
        _line(middle, versions, [each.size_bytes / 1e6 for each in versions], "size on disk", PYTHON)
        _line(lower, versions, memory, "memory", INK)
        for axes, unit in ((upper, "ms in Go"), (middle, "MB"), (lower, "MB")):
            axes.set_ylabel(unit)
            if axes.lines:
                axes.set_ylim(0, 1.12 * axes.dataLim.y1 or 1)
                legend_above(axes)
        step = -(-len(versions) // MOST_TICKS)
        ticks = range(len(versions) - 1, -1, -step)
        lower.set_xticks(list(ticks), [f"v{versions[tick].version}" for tick in ticks])
        return finished(figure, key, f"Versions of {versions[0].name}", _description(versions))


def _line(axes: Axes, versions: Sequence[Published], values: Sequence[float | None], name: str, colour: str) -> None:
    """Draw the measured ones; a version that did not pass is hollow."""
    shown = [(place, value) for place, value in enumerate(values) if value is not None]
    if not shown:
        return
    axes.plot([place for place, _ in shown], [value for _, value in shown], color=colour, label=name)
    for place, value in shown:
        face = colour if versions[place].verdict == "pass" else SURFACE
        axes.plot(place, value, "o", color=colour, markerfacecolor=face, markersize=5)


def _description(versions: Sequence[Published]) -> str:
    first, last = versions[0], versions[-1]
    return (
        f"{len(versions)} versions. p99 in Go: {duration(first.go_p99_ms)} in v{first.version}, "
        f"{duration(last.go_p99_ms)} in v{last.version}. Size: {megabytes(first.size_bytes)} then, "
        f"{megabytes(last.size_bytes)} now. A hollow mark is a version that did not pass."
    )

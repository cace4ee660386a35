"""A bundle's time as a share of its baseline's, beside the control that says what the machine alone does to a ratio."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dwcpc.bench.reports.plots.axes import row_label
from dwcpc.bench.reports.plots.svg import GO, LIMIT, MUTED, Plot, canvas, finished

if TYPE_CHECKING:
    from dwcpc.bench.findings import Regression

HEIGHT = 150
THRESHOLD = 1.05  # a regression when what the ratio is at least is above it


def regression_plot(key: str, regression: Regression) -> Plot:
    """Plot both ratios with their intervals, and the bound that decides."""
    rows = (
        ("this bundle / its baseline", regression.ratio, regression.at_least, GO),
        ("the baseline / itself", regression.control, regression.control_at_least, MUTED),
    )
    with canvas(HEIGHT) as (figure, (axes,)):
        for place, (label, ratio, at_least, colour) in enumerate(rows):
            axes.plot([ratio.low, ratio.high], [place, place], color=colour, linewidth=2)
            axes.plot(ratio.ratio, place, "o", color=colour, markersize=7)
            axes.plot(at_least, place, "|", color=colour, markersize=13, markeredgewidth=2)
            row_label(axes, place, f"{label}: {ratio.ratio:.3f}")
        axes.axvline(1, color=MUTED, linewidth=1)
        axes.axvline(THRESHOLD, color=LIMIT, linewidth=1.4, linestyle=(0, (4, 3)))
        bounds = [1.0, THRESHOLD]
        bounds += [bound for _, ratio, at_least, _ in rows for bound in (ratio.low, ratio.high, at_least)]
        room = 0.05 * (max(bounds) - min(bounds))
        axes.set_xlim(min(bounds) - room, max(bounds) + room)
        axes.set_ylim(1.5, -0.85)
        axes.set_yticks([])
        axes.grid(visible=False, axis="y")
        axes.spines["left"].set_visible(False)
        axes.set_xlabel("ratio of paired times")
        return finished(figure, key, f"Time against {regression.baseline}", _description(regression))


def _description(regression: Regression) -> str:
    return (
        f"The bundle takes {regression.ratio} of its baseline's time, at least {regression.at_least:.3f}; the baseline "
        f"against itself {regression.control}. A regression begins when at least {THRESHOLD:g} is sure."
    )

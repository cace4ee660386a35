"""How far a candidate's outputs are from the source's, at each position of an output, and what is allowed there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dwcpc.bench.reports.json_document import INFINITE
from dwcpc.bench.reports.plots.axes import legend_above, log_figures, runtime_colour, runtime_name
from dwcpc.bench.reports.plots.svg import LIMIT, Plot, canvas, finished
from dwcpc.bench.reports.safe_text import clipped
from dwcpc.bench.reports.wording import figure as words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from dwcpc.bench.findings import ErrorProfile

HEIGHT = 220
MARKERS = {"go": "o", "python": ""}  # the two are mostly equal to the bit: a line under dots shows both


def error_plot(key: str, profiles: Sequence[ErrorProfile]) -> Plot:
    """Plot one output's profiles, one for each runtime."""
    drawn = [value for profile in profiles for value in (*profile.worst, *profile.tolerance) if _can_be_drawn(value)]
    with canvas(HEIGHT) as (figure, (axes,)):
        for profile in profiles:
            _draw(axes, profile)
        axes.plot(*_points(profiles[0].tolerance), color=LIMIT, linewidth=1.4, linestyle=(0, (4, 3)), label="allowed")
        axes.set_xlabel(clipped(profiles[0].axis, 40))
        axes.set_ylabel("largest |error|")
        axes.margins(x=0.02)
        if drawn:
            log_figures(axes, min(drawn) / 1.6, max(drawn) * 1.6)
        legend_above(axes)
        name = f"Error of {profiles[0].output} at each {profiles[0].axis}"
        return finished(figure, key, name, " ".join(map(_description, profiles)))


def _draw(axes: Axes, profile: ErrorProfile) -> None:
    colour = runtime_colour(profile.runtime)
    marker = MARKERS.get(profile.runtime, "x")
    xs, ys = _points(profile.worst)
    if marker:
        axes.plot(xs, ys, marker, color=colour, markersize=4.5, fillstyle="none", label=runtime_name(profile.runtime))
    else:
        axes.plot(xs, ys, color=colour, label=runtime_name(profile.runtime))


def _points(values: Sequence[float]) -> tuple[list[int], list[float]]:
    """Return the positions that a logarithmic axis can show."""
    shown = [(index, value) for index, value in enumerate(values) if _can_be_drawn(value)]
    return [index for index, _ in shown], [value for _, value in shown]


def _can_be_drawn(value: float) -> bool:
    return 0 < value < INFINITE


def _description(profile: ErrorProfile) -> str:
    worst = max(range(len(profile.worst)), key=lambda index: profile.worst[index])
    return (
        f"{runtime_name(profile.runtime)}: the largest error is {words(profile.worst[worst])}, at {profile.axis} "
        f"{worst}, where {words(profile.tolerance[worst])} is allowed."
    )

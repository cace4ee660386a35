"""What precision costs: every candidate of the search by its time and its noise. Up and to the left is better."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dwcpc.bench.reports.plots.svg import GO, INK, LIMIT, MUTED, SURFACE, TEXT, Plot, canvas, finished

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from dwcpc.compiler.metadata import Candidate, LatencyRatio, PrecisionSearch

HEIGHT = 260


def frontier_plot(key: str, search: PrecisionSearch) -> Plot | None:
    """Plot the candidates that were timed, by their numbers in the search; none where none was."""
    timed = [
        (number, each, each.latency)
        for number, each in enumerate(search.candidates, start=1)
        if each.latency is not None
    ]
    if not timed:
        return None
    with canvas(HEIGHT) as (figure, (axes,)):
        axes.axvline(1, color=MUTED, linewidth=1)
        axes.axhline(search.min_sqnr_db, color=LIMIT, linewidth=1.4, linestyle=(0, (4, 3)))
        for number, candidate, latency in timed:
            _draw(axes, number, candidate, latency)
        _limits(axes, search, timed)
        axes.set_xlabel("time as a share of float32's, with its 99 % interval")
        axes.set_ylabel("signal to noise, dB")
        chosen = next((each for _, each, _ in timed if each.chosen), None)
        return finished(figure, key, "Precision against time", _description(search, len(timed), chosen))


def _draw(axes: Axes, number: int, candidate: Candidate, latency: LatencyRatio) -> None:
    colour = GO if candidate.chosen else MUTED
    spread = [[latency.ratio - latency.low], [latency.high - latency.ratio]]
    axes.errorbar(latency.ratio, candidate.sqnr_db, xerr=spread, color=colour, linewidth=1.2)
    size = 9 if candidate.chosen else 6
    face = GO if candidate.chosen else SURFACE
    axes.plot(
        latency.ratio, candidate.sqnr_db, "o", markersize=size, color=colour, markerfacecolor=face, markeredgewidth=1.4
    )
    text = f"{number}, chosen" if candidate.chosen else f"{number}"
    axes.annotate(
        text,
        (latency.ratio, candidate.sqnr_db),
        xytext=(0, 7),
        textcoords="offset points",
        ha="center",
        va="bottom",
        fontsize=TEXT,
        color=INK if candidate.chosen else MUTED,
        fontweight="bold" if candidate.chosen else "normal",
        bbox={"facecolor": SURFACE, "edgecolor": "none", "pad": 1},
    )


def _limits(axes: Axes, search: PrecisionSearch, timed: list[tuple[int, Candidate, LatencyRatio]]) -> None:
    heights = [search.min_sqnr_db, *(candidate.sqnr_db for _, candidate, _ in timed)]
    room = max(4.0, 0.12 * (max(heights) - min(heights)))
    axes.set_ylim(min(heights) - room, max(heights) + 1.6 * room)
    ratios = [1.0, *(bound for _, _, latency in timed for bound in (latency.low, latency.high))]
    room = max(0.05, 0.06 * (max(ratios) - min(ratios)))
    axes.set_xlim(max(0.0, min(ratios) - room), max(ratios) + room)
    axes.annotate(
        f"floor {search.min_sqnr_db:g} dB",
        (1, search.min_sqnr_db),
        xycoords=("axes fraction", "data"),
        xytext=(0, -3),
        textcoords="offset points",
        ha="right",
        va="top",
        color=LIMIT,
        fontsize=TEXT,
    )


def _description(search: PrecisionSearch, timed: int, chosen: Candidate | None) -> str:
    of = f"{timed} of {len(search.candidates)} candidates were timed; the floor is {search.min_sqnr_db:g} dB."
    if chosen is None or chosen.latency is None:
        return f"{of} None of those was chosen."
    return f"{of} Chosen: {chosen.name}, {chosen.sqnr_db:.1f} dB at {chosen.latency.ratio:.2f} of float32's time."

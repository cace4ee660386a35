"""How much of each budget is used: bars against the line at 100 %."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dwcpc.bench.reports.plots.axes import row_label
from dwcpc.bench.reports.plots.svg import BAD, GO, LIMIT, MUTED, Plot, canvas, finished
from dwcpc.bench.reports.safe_text import clipped
from dwcpc.bench.reports.wording import budget_figure, budget_name

if TYPE_CHECKING:
    from dwcpc.compiler.metadata import Budget, Verdict

ROW = 34
MARGIN = 48
COLOURS: dict[Verdict, str] = {"pass": GO, "fail": BAD, "inconclusive": MUTED}
FARTHEST = 300.0  # percent; what is beyond is cut off, its figure says how far


def budget_plot(key: str, budgets: Sequence[Budget], title: str = "Share of each budget in use") -> Plot | None:
    """Plot the budgets that were measured, from the first down; none where none was."""
    shares = [
        (budget, 100 * budget.measured / budget.limit)
        for budget in budgets
        if budget.measured is not None and math.isfinite(budget.measured) and budget.limit > 0
    ]
    if not shares:
        return None
    widest = min(FARTHEST, max(100.0, *(share for _, share in shares)))
    with canvas(MARGIN + ROW * len(shares)) as (figure, (axes,)):
        places = range(len(shares))
        axes.barh(
            places,
            [min(share, widest) for _, share in shares],
            height=0.34,
            color=[COLOURS[budget.verdict] for budget, _ in shares],
        )
        for place, (budget, _) in zip(places, shares, strict=True):
            row_label(axes, place, f"{clipped(budget_name(budget), 30)}: {budget_figure(budget)}")
        axes.axvline(100, color=LIMIT, linewidth=1.4, linestyle=(0, (4, 3)))
        axes.set_xlim(0, widest * 1.04)
        axes.set_ylim(len(shares) - 0.6, -0.75)
        axes.set_yticks([])
        axes.grid(visible=False, axis="y")
        axes.spines["left"].set_visible(False)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g} %")
        figures = "; ".join(f"{budget_name(budget)} {budget_figure(budget)}, {share:.3g} %" for budget, share in shares)
        return finished(figure, key, title, f"{figures}.")

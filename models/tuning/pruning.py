"""Which trials end early, though there are two objectives.

Optuna prunes by one objective: `Trial.report` and `should_prune` raise where there are two. Pruning by the loss alone
would end every small network, and with it the fast half of the front. So a trial is compared with its *rivals*, the
trials that will be no slower, as a trial behind those is behind in both:

    after step s a trial ends where min loss(≤ s) > median over rivals of min loss(≤ s)

when s ≥ WARM_UP and at least RIVALS rivals came that far. The fastest trial has no rivals but its equals and is never
compared with slower ones. This is the median rule of Golovin et al., Google Vizier (2017), within a class of speed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median
from typing import Final

WARM_UP: Final = 3
"""Steps that every trial is given: a learning rate warms up for 15 % of a training, two of its 14 epochs."""

RIVALS: Final = 3
"""Fewer make no median."""


@dataclass(frozen=True, slots=True)
class Course:
    """How a trial went so far: the load that its latency grows with, and each step with its validation loss."""

    load: float
    losses: tuple[tuple[int, float], ...]

    def lowest(self, step: int) -> float | None:
        """Return the lowest loss up to `step`; none where the trial did not come that far."""
        if not self.losses or self.losses[-1][0] < step:
            return None
        return min((loss for at, loss in self.losses if at <= step), default=None)


def why_hopeless(course: Course, others: Iterable[Course]) -> str | None:
    """Return why the trial ends after its last step; none where it goes on."""
    if len(course.losses) < WARM_UP:
        return None
    step = course.losses[-1][0]
    own = course.lowest(step)
    rivals = [low for other in others if other.load <= course.load and (low := other.lowest(step)) is not None]
    if own is None or len(rivals) < RIVALS or own <= median(rivals):
        return None
    middle = f"the median of {len(rivals)} no slower ones is {median(rivals):.4g}"
    return f"after step {step} its lowest loss is {own:.4g}, {middle}"

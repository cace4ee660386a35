"""Progress over many steps, as text that a terminal can draw over itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

BAR = "▕"  # begins a line that replaces the one before it, where it can
WIDTH = 24


@dataclass(slots=True)
class Steps:
    """Counts to `total`, which may grow, and tells `say` of each step before it begins."""

    say: Callable[[str], None]
    total: int
    done: int = 0

    def next(self, what: str) -> None:
        """Say that the step `what` begins."""
        self.total = max(self.total, self.done + 1)
        filled = WIDTH * self.done // self.total
        self.done += 1
        self.say(f"{BAR}{'█' * filled}{' ' * (WIDTH - filled)}▏ {self.done}/{self.total}  {what}")

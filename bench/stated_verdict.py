"""What a bundle was judged to be when it was compiled, by its own metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dwcpc.bench.budgets import overall

if TYPE_CHECKING:
    from dwcpc.compiler.metadata import Metadata, Verdict


def stated_verdict(metadata: Metadata) -> tuple[Verdict, tuple[str, ...]]:
    """Return the worst of parity and every budget, inconclusive where there is none; and why it was not a pass."""
    parity: Verdict = "inconclusive" if metadata.parity is None else metadata.parity.verdict
    budgets: list[Verdict] = [budget.verdict for budget in metadata.budgets] or ["inconclusive"]
    reasons = [f"{budget.name}: {budget.reason}" for budget in metadata.budgets if budget.verdict != "pass"]
    if metadata.parity is None:
        reasons.append("it was never proven equal to its source")
    elif parity != "pass":
        reasons.append("it is not equal to its source")
    if not metadata.budgets:
        reasons.append("no budget was measured")
    return overall([parity, *budgets]), tuple(reasons)

"""A study as a person reads it on the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dwcpc.models.tuning.findings import StudyFindings, TrialFindings
from dwcpc.models.tuning.rounding import rounded

HEAD = ("trial", "PR-AUC", "latency", "p50")


def told(found: StudyFindings) -> str:
    """Return the counts, the front as a table, and how to train each point of it."""
    counts = [f"{found.ended(state)} {state}" for state in ("finished", "pruned", "failed", "running")]
    counts = [count for count in counts if not count.startswith("0 ")] or ["none yet"]
    lines = [f"study {found.study}: {len(found.trials)} trials, {', '.join(counts)}; {len(found.front)} on the front"]
    lines += [f"  trial {trial.number} failed: {trial.reason}" for trial in found.trials if trial.state == "failed"]
    if found.front:
        lines += [*_table(found.front), "train one:", *(f"  {trial.number}: {trial.command}" for trial in found.front)]
    return "\n".join(lines)


def _table(front: Sequence[TrialFindings]) -> Iterator[str]:
    rows = [(*HEAD, *front[0].params), *map(_cells, front)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    for row in rows:
        yield "  " + "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))


def _cells(trial: TrialFindings) -> tuple[str, ...]:
    params = (str(rounded(value)) if isinstance(value, float) else str(value) for value in trial.params.values())
    return str(trial.number), f"{trial.pr_auc:.4f}", f"{trial.latency:.2f}", f"{trial.p50_ms:.3g} ms", *params

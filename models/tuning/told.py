"""A study as a person reads it on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from dwcpc.models.evaluation.aligned import aligned
from dwcpc.models.tuning.findings import StudyFindings, TrialFindings
from dwcpc.models.tuning.rounding import rounded


def told(found: StudyFindings) -> str:
    """Return the counts, the front as a table, and how to train each point of it."""
    counts = [f"{found.ended(state)} {state}" for state in ("finished", "pruned", "failed", "running")]
    counts = [count for count in counts if not count.startswith("0 ")] or ["none yet"]
    lines = [f"study {found.study}: {len(found.trials)} trials, {', '.join(counts)}; {len(found.front)} on the front"]
    lines += [f"  trial {trial.number} failed: {trial.reason}" for trial in found.trials if trial.state == "failed"]
    if found.front:
        commands = (f"  {trial.number}: {trial.command}" for trial in found.front)
        lines += [*_table(found.quality, found.front), "train one:", *commands]
    return "\n".join(lines)


def _table(quality: str, front: Sequence[TrialFindings]) -> list[str]:
    rows = [("trial", quality, "latency", "p50", *front[0].params), *map(_cells, front)]
    return [f"  {line}" for line in aligned(rows)]


def _cells(trial: TrialFindings) -> tuple[str, ...]:
    params = (str(rounded(value)) if isinstance(value, float) else str(value) for value in trial.params.values())
    return str(trial.number), f"{trial.quality:.4f}", f"{trial.latency:.2f}", f"{trial.p50_ms:.3g} ms", *params

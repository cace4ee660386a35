"""The verdicts and reasons of a gate, put together as findings."""

from __future__ import annotations

import platform
from importlib.metadata import version as installed_version
from typing import TYPE_CHECKING, Literal

from dwcpc.bench.budgets import overall
from dwcpc.bench.environment import Begun, describe_environment
from dwcpc.bench.findings import SCHEMA, BundleFindings, Findings, Regression
from dwcpc.compiler.clock import now
from dwcpc.compiler.harness import call_harness

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dwcpc.bench.protocol import Protocol
    from dwcpc.compiler.metadata import Budget, Verdict


def judged(verdicts: Iterable[Verdict], reasons: Iterable[str], protocol: Protocol) -> tuple[Verdict, tuple[str, ...]]:
    """Return the verdict of all, which less than the whole protocol cannot make a pass, and why it is none."""
    verdict = overall(verdicts)
    if protocol.decisive or verdict == "fail":
        return verdict, tuple(reasons)
    return "inconclusive", (*reasons, protocol.shortfall)


def reasons_of(budgets: Iterable[Budget], regression: Regression | str | None) -> list[str]:
    """Return a sentence for each budget that did not pass, and for the comparison."""
    reasons = [f"{budget.name}: {_figures(budget)}{budget.reason}" for budget in budgets if budget.verdict != "pass"]
    if isinstance(regression, str):
        reasons.append(regression)
    elif regression is not None and regression.verdict != "pass":
        reasons.append(f"baseline {regression.baseline}: {regression.reason}")
    return reasons


def verdicts_of(budgets: Iterable[Budget], regression: Regression | str | None) -> list[Verdict]:
    """Return the verdict of each budget and of the comparison; one that could not be made is inconclusive."""
    verdicts: list[Verdict] = [budget.verdict for budget in budgets]
    if isinstance(regression, str):
        verdicts.append("inconclusive")
    elif regression is not None:
        verdicts.append(regression.verdict)
    return verdicts


def put_together(
    command: Literal["gate", "bench"],
    bundles: Sequence[BundleFindings],
    memory: Budget | None,
    protocol: Protocol,
    begun: Begun,
    *,
    refused: Sequence[str] = (),
) -> Findings:
    """Return the findings on all bundles; one that could not even be read keeps them from passing."""
    budgets = [] if memory is None else [memory]
    verdicts: list[Verdict] = [*(each.verdict for each in bundles), *verdicts_of(budgets, None)]
    if refused:
        verdicts.append("fail")
    verdict, reasons = judged(verdicts, [*refused, *reasons_of(budgets, None)], protocol)
    return Findings(
        schema=SCHEMA,
        created=now(),
        compiler=f"dwcpc {installed_version('dwcpc')}",
        command=command,
        decisive=protocol.decisive,
        environment=describe_environment(begun, _versions()),
        bundles=tuple(bundles),
        together=memory,
        history=(),
        verdict=verdict,
        reasons=reasons,
    )


def _figures(budget: Budget) -> str:
    return "" if budget.measured is None else f"{budget.measured:.3g} of {budget.limit:g}; "


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version(), "onnxruntime": installed_version("onnxruntime")}
    harness = call_harness("version", [])
    return {**versions, "go": str(harness["go"]), "onnxruntime in go": str(harness["onnxruntime"])}

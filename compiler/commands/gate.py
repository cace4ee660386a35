"""`dwcpc gate`: whether each bundle still is its model, within its budgets, and no slower than what serves now.

A bundle that cannot be read is refused with its reason and exit code 2; the others are judged all the same, as a merge
that breaks one file should not hide what it did to the rest. Nothing passes then.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dwcpc.bench.budgets import LATENCY
from dwcpc.bench.environment import Begun
from dwcpc.bench.findings import BundleFindings, ErrorProfile, Findings, Published, Regression
from dwcpc.bench.gate_limits import GateLimits
from dwcpc.bench.history import published
from dwcpc.bench.judge_runs import judge_runs
from dwcpc.bench.measure_in_turn import Measured, measure_in_turn
from dwcpc.bench.protocol import Protocol
from dwcpc.compiler.commands.baselines import Baseline, find_baseline
from dwcpc.compiler.commands.candidates import open_candidates
from dwcpc.compiler.commands.error_profiles import error_profiles
from dwcpc.compiler.commands.measured_bundles import compared, job_of, together
from dwcpc.compiler.commands.put_together import judged, put_together, reasons_of, verdicts_of
from dwcpc.compiler.commands.verify import golden_reference
from dwcpc.compiler.errors import InputError, VerdictError
from dwcpc.compiler.harness import find_harness
from dwcpc.compiler.registry.entries import read_line
from dwcpc.compiler.versions import versions_in
from dwcpc.parity.defaults import DEFAULT_SEED
from dwcpc.parity.runners import RUNNERS
from dwcpc.parity.verify import verify

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dwcpc.compiler.bundle import Bundle
    from dwcpc.compiler.metadata import Budget, CheckResult, Parity, Verdict

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class GateOptions:
    """Against what bundles are gated, and how thoroughly."""

    limits: GateLimits
    protocol: Protocol
    baseline: Path | None = None
    seed: int = DEFAULT_SEED


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was found, and why some bundles could not be read at all."""

    findings: Findings
    refused: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Checked:
    """A bundle and whether it still is its model; `failure` is why it could not even be run."""

    bundle: Bundle
    parity: Parity | None
    errors: tuple[ErrorProfile, ...]
    failure: str | None

    @property
    def verdict(self) -> Verdict:
        return "fail" if self.parity is None else self.parity.verdict


def gate(paths: Sequence[Path], options: GateOptions, progress: Progress) -> Outcome:
    """Judge every bundle that `paths` mean. InputError where none of them can be read."""
    find_harness()  # or it is missed only after the bundles were read
    begun = Begun.now()
    candidates = open_candidates(paths)
    names = [bundle.metadata.name for bundle in candidates.bundles]
    baselines = [_baseline(options, name, alone=len(names) == 1) for name in names]
    checked, refused = _checked(candidates.bundles, options.seed, progress)
    good = [each.bundle for each in checked if each.verdict == "pass"]
    jobs = [job_of(bundle, options.limits) for bundle in good]
    measured = dict(
        zip((bundle.path for bundle in good), measure_in_turn(jobs, options.protocol, progress), strict=True)
    )
    memory = together(good, options.limits.together_mb, progress)
    by_path = dict(zip((bundle.path for bundle in candidates.bundles), baselines, strict=True))
    bundles = [
        _found(each, measured.get(each.bundle.path), by_path[each.bundle.path], options, progress) for each in checked
    ]
    unread = [*candidates.refused, *refused, *(each.refused for each in baselines if each.refused is not None)]
    refused = tuple(dict.fromkeys(unread))
    findings = put_together("gate", bundles, memory, options.protocol, begun, refused=refused)
    return Outcome(replace(findings, history=_history(options.baseline, names)), refused)


def _history(registry: Path | None, names: Sequence[str]) -> tuple[Published, ...]:
    """Return the versions of these names where the baseline is a registry, whose damage is `dwcpc list`'s to tell."""
    if registry is None:
        return ()
    folders = [registry / name for name in dict.fromkeys(names)]
    return published([read_line(folder) for folder in folders if versions_in(folder)])


def _baseline(options: GateOptions, name: str, *, alone: bool) -> Baseline:
    return Baseline() if options.baseline is None else find_baseline(options.baseline, name, alone=alone)


def _checked(bundles: Sequence[Bundle], seed: int, progress: Progress) -> tuple[list[_Checked], tuple[str, ...]]:
    """Verify each bundle by its golden vectors; what Go refuses to read although Python did is refused as well."""
    checked, refused = [], []
    for bundle in bundles:
        try:
            checked.append(_verified(bundle, seed, progress))
        except InputError as error:
            refused.append(str(error))
    if not checked:
        raise InputError("; ".join(refused))
    return checked, tuple(refused)


def _verified(bundle: Bundle, seed: int, progress: Progress) -> _Checked:
    def told(step: str) -> None:
        progress(f"{bundle.metadata.name} v{bundle.metadata.version}: {step}")

    try:
        reference = golden_reference(bundle, seed)
        verification = verify(bundle, reference, RUNNERS, told)
    except VerdictError as error:
        return _Checked(bundle, None, (), str(error))
    return _Checked(bundle, verification.parity, error_profiles(bundle, reference, verification), None)


def _found(
    checked: _Checked, measured: Measured | None, baseline: Baseline, options: GateOptions, progress: Progress
) -> BundleFindings:
    """Put together what is known of one bundle. What is not the same model is neither timed nor compared."""
    bundle, limits = checked.bundle, options.limits
    notes = [] if baseline.note is None else [baseline.note]
    regression: Regression | str | None = baseline.refused
    budgets = _unmeasured(bundle, limits) if measured is None else measured.budgets
    if measured is not None and baseline.bundle is not None:
        if _too_slow(measured):
            notes.append("not compared with its baseline: it is too slow whatever the baseline takes")
        else:
            regression = compared(bundle, baseline.bundle, measured, options.protocol, progress)
    reasons = _failures(checked, measured) + reasons_of(budgets, regression)
    verdicts = [*verdicts_of(budgets, regression), checked.verdict]
    verdict, told = judged(verdicts, reasons, options.protocol)
    return BundleFindings(
        path=str(bundle.path),
        metadata=bundle.metadata,
        files=bundle.files,
        parity=checked.parity,
        errors=checked.errors,
        runs=() if measured is None else measured.runs,
        loads=(),
        budgets=budgets,
        regression=regression if isinstance(regression, Regression) else None,
        verdict=verdict,
        reasons=told,
        notes=tuple(notes),
    )


def _unmeasured(bundle: Bundle, limits: GateLimits) -> tuple[Budget, ...]:
    return judge_runs(bundle, limits.of(bundle.metadata), (), limits.rate_per_s)


def _too_slow(measured: Measured) -> bool:
    return any(budget.name == LATENCY and budget.verdict == "fail" for budget in measured.budgets)


def _failures(checked: _Checked, measured: Measured | None) -> list[str]:
    """Return why it is not the same model, or why it could not be measured."""
    if checked.failure is not None:
        return [checked.failure]
    if checked.parity is not None and checked.verdict == "fail":
        failed = [f"parity: {_told(result)}" for result in checked.parity.results if not result.passed]
        return failed or ["parity: an output was compared with nothing"]
    if measured is not None and measured.failure is not None:
        return [f"could not be measured: {measured.failure}"]
    return []


def _told(result: CheckResult) -> str:
    what = f"{result.check} of {result.output} on {result.group} rows in {result.runtime}"
    return f"{what} is {result.worst:.3g}, allowed {result.limit:.3g} {result.note}".rstrip()

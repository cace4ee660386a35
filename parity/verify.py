"""Is it still the same model? Runs a bundle in each runtime on the reference's rows and judges every answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dwcpc.compiler.errors import DwcpcError
from dwcpc.compiler.metadata import CheckResult, Parity
from dwcpc.parity.checks import CHECKS
from dwcpc.parity.checks.base import Comparison
from dwcpc.parity.invariance import BATCH_SIZES, batch_invariance, bit_equality, nan_policy
from dwcpc.parity.reference import ReferenceGroup

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.compiler.bundle import Bundle
    from dwcpc.parity.reference import Reference
    from dwcpc.parity.runners.base import Runner

INVARIANCE_ROWS = 128


@dataclass(frozen=True, slots=True)
class Verification:
    """The outcome, and per runner the onnxruntime version and what it answered on the reference's rows, in order."""

    parity: Parity
    versions: dict[str, str]
    answers: dict[str, dict[str, NDArray[np.float32]]]


def verify(
    bundle: Bundle, reference: Reference, runners: tuple[Runner, ...], progress: Callable[[str], None] = lambda _: None
) -> Verification:
    """Run every runner on the same rows, at batch 1, and judge the answers."""
    results: list[CheckResult] = []
    versions: dict[str, str] = {}
    answers: dict[str, dict[str, NDArray[np.float32]]] = {}
    rows = np.concatenate([group.rows for group in reference.groups])
    for runner in runners:
        progress(f"parity in {runner.name}")
        answered = runner.run(bundle, rows, 1)
        versions[runner.name] = answered.onnxruntime
        answers[runner.name] = answered.outputs
        results += _against_reference(bundle, reference, runner.name, answered.outputs)
        results += _batches(bundle, reference.groups[0], runner, answered.outputs)
        results += nan_policy(runner.name, runner.run(bundle, reference.non_finite, 1).outputs)
    results += _between_runtimes(answers, versions)
    passed = bool(results) and all(result.passed for result in results)
    counts = {group.name: len(group.rows) for group in reference.groups}
    counts["non_finite"] = len(reference.non_finite)
    parity = Parity("pass" if passed else "fail", reference.precision, reference.seed, counts, tuple(results))
    return Verification(parity, versions, answers)


def split_by_group(
    reference: Reference, outputs: dict[str, NDArray[np.float32]]
) -> list[dict[str, NDArray[np.float32]]]:
    """Cut the outputs on all rows, in order, into those of each group."""
    ends = np.cumsum([len(group.rows) for group in reference.groups])
    total = int(ends[-1])
    for name, values in outputs.items():
        if len(values) != total:
            raise DwcpcError(f"output {name} has {len(values)} rows for {total} rows of input")
    return [
        {name: values[end - len(group.rows) : end] for name, values in outputs.items()}
        for group, end in zip(reference.groups, ends.tolist(), strict=True)
    ]


def _against_reference(
    bundle: Bundle, reference: Reference, runtime: str, outputs: dict[str, NDArray[np.float32]]
) -> list[CheckResult]:
    results: list[CheckResult] = []
    for group, part in zip(reference.groups, split_by_group(reference, outputs), strict=True):
        comparison = Comparison(group, part, runtime, bundle.metadata.decision)
        for check in CHECKS:
            results += check(comparison)
    return results


def _batches(
    bundle: Bundle, first: ReferenceGroup, runner: Runner, alone: dict[str, NDArray[np.float32]]
) -> list[CheckResult]:
    count = min(INVARIANCE_ROWS, len(first.rows))
    rows = first.rows[:count]
    by_batch = {1: {name: values[:count] for name, values in alone.items()}}
    for batch in BATCH_SIZES[1:]:
        by_batch[batch] = runner.run(bundle, rows, batch).outputs
    return batch_invariance(runner.name, ReferenceGroup(first.name, rows, {}, first.tolerance), by_batch)


def _between_runtimes(
    answers: dict[str, dict[str, NDArray[np.float32]]], versions: dict[str, str]
) -> list[CheckResult]:
    names = list(answers)
    results: list[CheckResult] = []
    for other in names[1:]:
        same = versions[names[0]] == versions[other]
        results += bit_equality("all", (names[0], other), answers[names[0]], answers[other], same)
    return results

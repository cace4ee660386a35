"""Is it still the same model? Runs a bundle in each runtime on the reference's rows and judges every answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dwcpc.compiler.errors import VerdictError
from dwcpc.compiler.metadata import CheckResult, Parity
from dwcpc.parity.checks import CHECKS
from dwcpc.parity.checks.base import Comparison
from dwcpc.parity.estimators.leaf_paths import leaf_paths
from dwcpc.parity.invariance import BATCH_SIZES, batch_invariance, bit_equality, nan_policy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.compiler.bundle import Bundle
    from dwcpc.parity.reference import Reference, ReferenceGroup
    from dwcpc.parity.runners.base import Outputs, Runner, RunnerOutput

INVARIANCE_ROWS = 128
COMPARING = ("closeness", "labels")  # the checks without which an output was not compared


@dataclass(frozen=True, slots=True)
class Verification:
    """The outcome, and per runner the onnxruntime version and what it answered on the reference's rows, in order."""

    parity: Parity
    versions: dict[str, str]
    answers: dict[str, Outputs]


def verify(
    bundle: Bundle, reference: Reference, runners: tuple[Runner, ...], progress: Callable[[str], None] = lambda _: None
) -> Verification:
    """Run every runner on the same rows, at batch 1, and judge the answers; in batches too, where they may come."""
    results: list[CheckResult] = []
    versions: dict[str, str] = {}
    answers: dict[str, Outputs] = {}
    rows = np.concatenate([group.rows for group in reference.groups])
    for runner in runners:
        progress(f"parity in {runner.name}")
        answered = answer_of(runner, bundle, rows, 1)
        versions[runner.name] = answered.onnxruntime
        answers[runner.name] = answered.outputs
        results += _against_reference(bundle, reference, runner.name, answered.outputs)
        if bundle.metadata.model.batch is None:
            results += _batches(bundle, reference.groups[0], runner, answered.outputs)
        if _refuses(bundle, reference):
            results += nan_policy(runner.name, answer_of(runner, bundle, reference.non_finite, 1).outputs)
    results += _between_runtimes(answers, versions)
    if reference.forest is not None:
        progress("leaves that the rows reach")
        results += leaf_paths(bundle, reference)
    results += reference.source_checks
    compared = {(result.runtime, result.output) for result in results if result.check in COMPARING}
    wanted = {(runner.name, tensor.name) for runner in runners for tensor in bundle.metadata.outputs}
    passed = bool(wanted) and wanted <= compared and all(result.passed for result in results)
    counts = {group.name: len(group.rows) for group in reference.groups}
    if _refuses(bundle, reference):
        counts["non_finite"] = len(reference.non_finite)
    parity = Parity("pass" if passed else "fail", reference.precision, reference.seed, counts, tuple(results))
    return Verification(parity, versions, answers)


def _refuses(bundle: Bundle, reference: Reference) -> bool:
    """Say whether there are rows to refuse: embedded features may all be numbers, whatever the raw values are."""
    features = bundle.metadata.features
    is_embedded = features is not None and features.embedded
    return bundle.metadata.non_finite == "propagated" and (len(reference.non_finite) > 0 or not is_embedded)


def answer_of(runner: Runner, bundle: Bundle, rows: NDArray[np.float32], batch: int) -> RunnerOutput:
    """Run the runner. VerdictError where it cannot, leaves out an output or answers with another shape or type."""
    answered = runner.run(bundle, rows, batch)
    for tensor in bundle.metadata.outputs:
        values = answered.outputs.get(tensor.name)
        expected = tensor.batched(len(rows))
        if values is None or values.shape != expected or values.dtype != tensor.dtype:
            found = "missing" if values is None else f"{values.dtype} {values.shape}"
            raise VerdictError(
                f"{bundle.path}: in {runner.name}, in calls of {batch} rows, output {tensor.name} is {found}, expected "
                f"{tensor.dtype} {expected}; it is not the model that it was compiled from"
            )
    return answered


def split_by_group(reference: Reference, outputs: Outputs) -> list[Outputs]:
    """Cut the outputs on all rows, in order, into those of each group."""
    ends = np.cumsum([len(group.rows) for group in reference.groups])
    return [
        {name: values[end - len(group.rows) : end] for name, values in outputs.items()}
        for group, end in zip(reference.groups, ends.tolist(), strict=True)
    ]


def _against_reference(bundle: Bundle, reference: Reference, runtime: str, outputs: Outputs) -> list[CheckResult]:
    results: list[CheckResult] = []
    for group, part in zip(reference.groups, split_by_group(reference, outputs), strict=True):
        comparison = Comparison(group, part, runtime, bundle.metadata.decision)
        for check in CHECKS:
            results += check(comparison)
    return results


def _batches(bundle: Bundle, first: ReferenceGroup, runner: Runner, alone: Outputs) -> list[CheckResult]:
    part = first.first(min(INVARIANCE_ROWS, len(first.rows)))
    by_batch: dict[int, Outputs] = {1: {name: values[: len(part.rows)] for name, values in alone.items()}}
    for batch in BATCH_SIZES[1:]:
        by_batch[batch] = answer_of(runner, bundle, part.rows, batch).outputs
    return batch_invariance(runner.name, part, by_batch)


def _between_runtimes(answers: dict[str, Outputs], versions: dict[str, str]) -> list[CheckResult]:
    names = list(answers)
    results: list[CheckResult] = []
    for other in names[1:]:
        same = versions[names[0]] == versions[other]
        results += bit_equality("all", (names[0], other), answers[names[0]], answers[other], same)
    return results

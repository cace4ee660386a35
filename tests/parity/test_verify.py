"""Verification as a whole: what spoils a model is found, and nothing passes that was not compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dwcpc.compiler.bundle import Bundle
from dwcpc.compiler.errors import VerdictError
from dwcpc.parity.reference import Reference
from dwcpc.parity.verify import verify

Outputs = dict[str, np.ndarray]


def failed_checks(verification: Any) -> set[str]:
    return {result.check for result in verification.parity.results if not result.passed}


def test_the_model_itself_passes_every_check(bundle: Bundle, reference: Reference, fake_runner: Any) -> None:
    runners = (fake_runner("python"), fake_runner("go"))
    parity = verify(bundle, reference, runners).parity
    assert parity.verdict == "pass"
    assert {result.check for result in parity.results} == {
        "finiteness",
        "closeness",
        "noise_level",
        "decisions",
        "ranking",
        "batch_invariance",
        "nan_policy",
        "bit_equality",
    }
    assert parity.rows == {"typical": 128, "wide": 32, "non_finite": 3}


def test_a_bundle_of_one_row_is_never_run_in_batches(bundle: Bundle, reference: Reference, fake_runner: Any) -> None:
    def refuse_batches(outputs: Outputs, batch: int) -> Outputs:
        assert batch == 1
        return outputs

    one_row = replace(bundle.metadata, model=replace(bundle.metadata.model, batch=1))
    parity = verify(replace(bundle, metadata=one_row), reference, (fake_runner(spoil=refuse_batches),)).parity
    assert parity.verdict == "pass"
    checks = {result.check for result in parity.results}
    assert "batch_invariance" not in checks
    assert {"closeness", "decisions", "nan_policy"} <= checks


def shift(outputs: Outputs, _batch: int) -> Outputs:
    return {**outputs, "reconstruction": outputs["reconstruction"] + np.float32([0.002, 0])}


def shift_a_little(outputs: Outputs, _batch: int) -> Outputs:
    return {**outputs, "anomaly_score": outputs["anomaly_score"] + np.float32(0.9e-3)}


def shift_one_wide_value(outputs: Outputs, _batch: int) -> Outputs:
    outputs["reconstruction"][:, 0, 1][:4] += np.float32(0.05)
    return outputs


def turn_scores(outputs: Outputs, _batch: int) -> Outputs:
    return {**outputs, "anomaly_score": outputs["anomaly_score"][::-1].copy()}


def mix_rows(outputs: Outputs, batch: int) -> Outputs:
    return outputs if batch == 1 else {name: np.roll(values, 1, axis=0) for name, values in outputs.items()}


def nan_in_batches(outputs: Outputs, batch: int) -> Outputs:
    if batch == 7:
        outputs["reconstruction"][7:14] = np.nan
    return outputs


def number_for_nan(outputs: Outputs, _batch: int) -> Outputs:
    return {name: np.nan_to_num(values) for name, values in outputs.items()}


def all_nan(outputs: Outputs, _batch: int) -> Outputs:
    return {name: np.full_like(values, np.nan) for name, values in outputs.items()}


@pytest.mark.parametrize(
    ("spoil", "checks"),
    [
        (shift, {"closeness", "noise_level"}),
        (shift_a_little, {"noise_level"}),
        (turn_scores, {"closeness", "noise_level", "decisions", "ranking", "batch_invariance"}),
        (mix_rows, {"batch_invariance"}),
        (nan_in_batches, {"batch_invariance"}),
        (number_for_nan, {"nan_policy"}),
        (all_nan, {"finiteness", "noise_level", "decisions", "ranking"}),
    ],
)
def test_a_spoiled_model_fails_in(
    spoil: Callable[[Outputs, int], Outputs],
    checks: set[str],
    bundle: Bundle,
    reference: Reference,
    fake_runner: Any,
) -> None:
    verification = verify(bundle, reference, (fake_runner(spoil=spoil),))
    assert verification.parity.verdict == "fail"
    assert failed_checks(verification) == checks
    for result in verification.parity.results:
        assert np.isfinite([result.worst, result.limit]).all()  # metadata.json cannot hold another
        assert type(result.passed) is bool


def test_a_spoiled_model_within_the_tolerance_of_its_channel_passes(
    bundle: Bundle, reference: Reference, fake_runner: Any
) -> None:
    assert verify(bundle, reference, (fake_runner(spoil=shift_one_wide_value),)).parity.verdict == "pass"


def test_two_runtimes_that_differ_in_one_bit_fail(bundle: Bundle, reference: Reference, fake_runner: Any) -> None:
    def next_float(outputs: Outputs, _batch: int) -> Outputs:
        score = np.nextafter(outputs["anomaly_score"], np.float32(np.inf))
        return {**outputs, "anomaly_score": score}

    verification = verify(bundle, reference, (fake_runner("python"), fake_runner("go", spoil=next_float)))
    assert failed_checks(verification) == {"bit_equality"}
    other = fake_runner("go", spoil=next_float, onnxruntime="1.31.0")
    assert verify(bundle, reference, (fake_runner("python"), other)).parity.verdict == "pass"


def drop_output(outputs: Outputs, _batch: int) -> Outputs:
    return {"reconstruction": outputs["reconstruction"]}


def drop_row(outputs: Outputs, _batch: int) -> Outputs:
    return {name: values[:-1] for name, values in outputs.items()}


def drop_row_in_batches(outputs: Outputs, batch: int) -> Outputs:
    return drop_row(outputs, batch) if batch == 64 else outputs


def one_row(outputs: Outputs, batch: int) -> Outputs:
    return outputs if batch == 1 else {name: values[:1] for name, values in outputs.items()}


def one_score_column(outputs: Outputs, _batch: int) -> Outputs:
    return {**outputs, "anomaly_score": outputs["anomaly_score"][:, None]}


def in_float64(outputs: Outputs, _batch: int) -> Outputs:
    return {name: values.astype(np.float64) for name, values in outputs.items()}


@pytest.mark.parametrize("spoil", [drop_output, drop_row, drop_row_in_batches, one_row, one_score_column, in_float64])
def test_an_answer_of_another_form_is_refused(
    spoil: Callable[[Outputs, int], Outputs], bundle: Bundle, reference: Reference, fake_runner: Any
) -> None:
    with pytest.raises(VerdictError, match="expected float32"):
        verify(bundle, reference, (fake_runner(spoil=spoil),))


def test_nothing_passes_without_a_runtime(bundle: Bundle, reference: Reference) -> None:
    assert verify(bundle, reference, ()).parity.verdict == "fail"


@pytest.mark.parametrize("left_out", ["reconstruction", "anomaly_score"])
def test_nothing_passes_that_has_no_reference(
    left_out: str, bundle: Bundle, reference: Reference, fake_runner: Any
) -> None:
    metadata = replace(bundle.metadata, decision=None)
    groups = tuple(
        replace(
            group,
            outputs={name: values for name, values in group.outputs.items() if name != left_out},
            tolerance={name: values for name, values in group.tolerance.items() if name != left_out},
            noise_level={},
        )
        for group in reference.groups
    )
    verification = verify(replace(bundle, metadata=metadata), replace(reference, groups=groups), (fake_runner(),))
    assert verification.parity.verdict == "fail"


def test_a_group_without_rows_does_not_pass(bundle: Bundle, reference: Reference, fake_runner: Any) -> None:
    typical, wide = reference.groups
    empty = replace(wide.first(0), name="wide")
    verification = verify(bundle, replace(reference, groups=(typical, empty)), (fake_runner(),))
    assert verification.parity.verdict == "fail"
    assert failed_checks(verification) == {"closeness"}

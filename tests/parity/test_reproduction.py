"""Golden vectors that a runtime does not give: refused, by the value that is missed by most of its tolerance."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dwcpc.compiler.bundle import Bundle, open_bundle
from dwcpc.compiler.commands.verify import golden_reference
from dwcpc.compiler.errors import InputError
from dwcpc.parity.reference import Reference
from dwcpc.parity.reproduction import require_reproduced
from dwcpc.parity.runners import RUNNERS

BUNDLES = Path(__file__).resolve().parents[1] / "fixtures" / "bundles"
Outputs = dict[str, np.ndarray]
ApplyEdits = Callable[[Path, list[dict[str, Any]]], None]


@pytest.mark.parametrize("name", ["good", "classifier", "proven", "one_row"])
def test_the_fixtures_give_their_golden_vectors_whatever_is_not_finite_in_them(name: str) -> None:
    bundle = open_bundle(BUNDLES / name)
    require_reproduced(bundle, golden_reference(bundle, 1), RUNNERS)


@pytest.mark.parametrize("runner", RUNNERS, ids=lambda runner: runner.name)
def test_every_bundle_of_another_model_is_refused_in_either_runtime(
    runner: Any, tmp_path: Path, apply_edits: ApplyEdits, mismatch_cases: list[dict[str, Any]]
) -> None:
    for number, case in enumerate(mismatch_cases):
        folder = Path(shutil.copytree(BUNDLES / "proven", tmp_path / str(number)))
        apply_edits(folder, case["edits"])
        bundle = open_bundle(folder)
        with pytest.raises(InputError) as refused:
            require_reproduced(bundle, golden_reference(bundle, 1), (runner,))
        assert str(refused.value).startswith(f"{folder}: golden row "), case["name"]
        assert f"output {case['reason_contains']}[" in str(refused.value)
        assert str(refused.value).endswith(f"in {runner.name}; it is not what its compiler wrote, compile it again")


def spoiled(place: tuple[int, ...], value: float) -> Callable[[Outputs, int], Outputs]:
    def spoil(outputs: Outputs, _batch: int) -> Outputs:
        outputs["reconstruction"][place] = value
        return outputs

    return spoil


def added(place: tuple[int, ...], difference: float) -> Callable[[Outputs, int], Outputs]:
    def spoil(outputs: Outputs, _batch: int) -> Outputs:
        outputs["reconstruction"][place] += np.float32(difference)
        return outputs

    return spoil


# The second group, `wide`, begins behind 128 typical rows; the tolerance is 1e-3 of channel 0 and 1e-1 of channel 1.
@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (added((129, 2, 1), 0.11), r"golden row 129 \(group wide\), output reconstruction\[5\] .* apart by 0\.11,"),
        (added((3, 1, 0), 0.0011), r"golden row 3 \(group typical\), output reconstruction\[2\] .* apart by 0\.0011,"),
        (spoiled((7, 0, 1), np.nan), r"golden row 7 \(group typical\), output reconstruction\[1\] is nan, expected"),
        (spoiled((7, 0, 1), np.inf), r"output reconstruction\[1\] is inf, expected .* apart by inf,"),
    ],
)
def test_names_the_value_beyond_its_tolerance(
    bundle: Bundle, reference: Reference, fake_runner: Any, spoil: Any, told: str
) -> None:
    with pytest.raises(InputError, match=told):
        require_reproduced(bundle, reference, [fake_runner(spoil=spoil)])


@pytest.mark.parametrize("spoil", [added((129, 2, 1), 0.09), added((3, 1, 0), 0.0009)])
def test_a_value_within_its_tolerance_is_given(
    bundle: Bundle, reference: Reference, fake_runner: Any, spoil: Any
) -> None:
    require_reproduced(bundle, reference, [fake_runner(spoil=spoil)])


def test_of_several_the_worst_against_its_tolerance_is_told(
    bundle: Bundle, reference: Reference, fake_runner: Any
) -> None:
    def spoil(outputs: Outputs, _batch: int) -> Outputs:
        outputs["reconstruction"][1, 0, 1] += np.float32(0.2)  # twice its tolerance
        outputs["reconstruction"][2, 0, 0] += np.float32(0.004)  # four times
        return outputs

    with pytest.raises(InputError, match="golden row 2 "):
        require_reproduced(bundle, reference, [fake_runner(spoil=spoil)])


def test_a_label_that_is_another_is_refused(fake_runner: Any) -> None:
    bundle = open_bundle(BUNDLES / "classifier")
    golden = golden_reference(bundle, 1)
    expected = {
        tensor.name: np.concatenate([group.outputs[tensor.name] for group in golden.groups]).astype(tensor.dtype)
        for tensor in bundle.metadata.outputs
    }

    def answers(rows: np.ndarray) -> Outputs:
        return {name: values[:1].repeat(len(rows), axis=0) for name, values in expected.items()}

    def all_at_once(_outputs: Outputs, _batch: int) -> Outputs:
        return expected

    exact = fake_runner(compute=answers, spoil=all_at_once)
    require_reproduced(bundle, golden, [exact])
    expected["label"][4] += 1
    with pytest.raises(InputError, match=r"golden row 4 .*output label\[0\] .* within 0\.0, apart by 1,"):
        require_reproduced(bundle, golden, [exact])


def test_a_model_that_answers_in_another_shape_is_refused(
    bundle: Bundle, reference: Reference, fake_runner: Any
) -> None:
    def shorten(outputs: Outputs, _batch: int) -> Outputs:
        return {**outputs, "anomaly_score": outputs["anomaly_score"][:, None]}

    with pytest.raises(InputError, match=r"output anomaly_score is float32 .* it is not what its compiler wrote"):
        require_reproduced(bundle, reference, [fake_runner(spoil=shorten)])


def test_only_the_runtimes_asked_for_are_asked(bundle: Bundle, reference: Reference, fake_runner: Any) -> None:
    good, bad = fake_runner("python"), replace(fake_runner("go"), spoil=added((0, 0, 0), 1.0))
    require_reproduced(bundle, reference, [good])
    with pytest.raises(InputError, match="in go; "):
        require_reproduced(bundle, reference, [good, bad])

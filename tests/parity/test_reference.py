"""The reference: drawn once per seed, with its tolerances; and the part of it that travels as golden vectors."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from dwcpc.compiler.errors import DwcpcError, PrecisionError
from dwcpc.compiler.scalers import Scaler
from dwcpc.compiler.sources.base import NetworkSpec
from dwcpc.parity.reference import CaseRequest, Reference, golden_part, make_reference
from dwcpc.parity.runners.source import SourceModel

SHAPE = (6, 2)
SCALER = Scaler("StandardScaler", (3.0, -1.0), (2.0, 0.5))
ROWS = 512
SEED = 21
SPEC = NetworkSpec("made up", "1", "state_dict", "halving", "autoencoder", SHAPE, SHAPE)


@dataclass(frozen=True, slots=True)
class Halving:
    """Halves its scaled input; in float32 with a rounding of its own."""

    spec: NetworkSpec = SPEC

    def export(self, opset: int) -> object:
        raise NotImplementedError

    def predict(self, x: np.ndarray, precision: str) -> np.ndarray:
        if precision == "float64":
            return x.astype(np.float64) / 2
        return x / np.float32(3) * np.float32(1.5)


@dataclass(frozen=True, slots=True)
class Narrow(Halving):
    """The same, without a float64 side."""

    error: Exception = field(default_factory=lambda: PrecisionError("there is no float64 operator Half"))

    def predict(self, x: np.ndarray, precision: str) -> np.ndarray:
        if precision == "float64":
            raise self.error
        return x / np.float32(3) * np.float32(1.5)


NARROW = SourceModel(Narrow(), SCALER, None)  # type: ignore[arg-type]
MODEL = SourceModel(Halving(), SCALER, None)  # type: ignore[arg-type]


def make(threshold: float | None = 0.25, seed: int = SEED) -> Reference:
    return make_reference(MODEL, CaseRequest(ROWS, seed, threshold))


def test_the_score_is_the_mean_squared_error_on_scaled_values() -> None:
    rows = np.array([[[5.0, -1.0]] * 6], np.float32)  # scaled 1 and 0, reconstructed as 0.5 and 0
    outputs = MODEL.run(rows, "float64")
    np.testing.assert_allclose(outputs["reconstruction"], [[[0.5, 0.0]] * 6])
    np.testing.assert_allclose(outputs["anomaly_score"], [0.125])
    unscaled = replace(MODEL, target_scaler=SCALER).run(rows, "float64")
    np.testing.assert_allclose(unscaled["reconstruction"], [[[4.0, -1.0]] * 6])
    np.testing.assert_allclose(unscaled["anomaly_score"], [0.125])  # scored before it is unscaled


def test_it_holds_the_rows_asked_for_in_their_groups() -> None:
    reference = make()
    assert [group.name for group in reference.groups] == [
        "typical",
        "wide",
        "extreme",
        "special",
        "zero",
        "threshold",
    ]
    assert sum(len(group.rows) for group in reference.groups) == ROWS
    assert reference.precision == "float64"
    assert reference.notes == ()


def test_outputs_are_the_sources_and_its_own_float32_is_within_the_tolerance() -> None:
    for group in make().groups:
        assert group.outputs["reconstruction"].dtype == np.float64
        f32 = MODEL.run(group.rows, "float32")
        for name, expected in group.outputs.items():
            np.testing.assert_array_equal(expected, MODEL.run(group.rows, "float64")[name])
            error = np.abs(f32[name] - expected)
            assert (error <= group.tolerance[name]).all()
            assert (np.broadcast_to(group.tolerance[name], expected.shape) <= 1e-3 * np.abs(expected).max()).all()


def test_the_same_seed_makes_the_same_reference_and_another_seed_another() -> None:
    first, again, other = make(), make(), make(seed=SEED + 1)
    for left, right in zip(first.groups, again.groups, strict=True):
        np.testing.assert_array_equal(left.rows, right.rows)
        np.testing.assert_array_equal(left.tolerance["anomaly_score"], right.tolerance["anomaly_score"])
    assert not np.array_equal(first.groups[0].rows, other.groups[0].rows)


def test_it_says_when_no_row_can_lie_at_the_threshold() -> None:
    reference = make(threshold=-1.0)
    assert "threshold" not in {group.name for group in reference.groups}
    assert "decisions near it were not tested" in reference.notes[0]


def test_without_a_decision_there_is_no_such_group_and_nothing_to_say() -> None:
    reference = make(threshold=None)
    assert "threshold" not in {group.name for group in reference.groups}
    assert reference.notes == ()


def test_golden_vectors_are_a_few_insensitive_rows_of_some_groups_under_the_bulk_tolerance() -> None:
    reference = make()
    whole = {group.name: group for group in reference.groups}
    golden = golden_part(reference)
    assert {group.name: len(group.rows) for group in golden.groups} == {
        "typical": 32,
        "wide": 8,
        "special": 8,
        "threshold": 16,
    }
    for group in golden.groups:
        source = whole[group.name]
        assert source.insensitive is not None
        chosen = np.flatnonzero(source.insensitive)[: len(group.rows)]
        np.testing.assert_array_equal(group.rows, source.rows[chosen])
        for name in group.outputs:
            np.testing.assert_array_equal(group.outputs[name], source.outputs[name][chosen])
            assert group.tolerance[name].shape == ((2,) if name == "reconstruction" else (1,))


@pytest.mark.parametrize("rows", [64, 100, 1000])
def test_any_number_of_rows_leaves_every_golden_group_with_rows(rows: int) -> None:
    golden = golden_part(make_reference(MODEL, CaseRequest(rows, SEED, 0.25)))
    assert all(len(group.rows) > 0 for group in golden.groups)


def test_without_float64_the_source_in_float32_is_the_reference_and_the_note_says_why() -> None:
    reference = make_reference(NARROW, CaseRequest(ROWS, SEED, 0.25))
    assert reference.precision == "float32"
    assert reference.notes == ("compared with the source in float32, not float64: there is no float64 operator Half",)
    for group in reference.groups:
        f32 = NARROW.run(group.rows, "float32")
        for name, expected in group.outputs.items():
            assert expected.dtype == np.float64
            np.testing.assert_array_equal(expected, f32[name])
    assert all(len(group.rows) > 0 for group in golden_part(reference).groups)


def test_the_noise_of_a_float32_reference_comes_from_moved_inputs_and_is_of_the_same_size() -> None:
    narrow, wide = make_reference(NARROW, CaseRequest(ROWS, SEED)), make()
    for group in narrow.groups:
        assert max(group.noise_level.values()) > 0  # the unmoved sample would say 0
        for name, tolerance in group.tolerance.items():
            other = next(each for each in wide.groups if each.name == group.name).tolerance[name]
            assert 0.25 < tolerance.max() / other.max() < 4


@pytest.mark.parametrize("factor", [1.0, 1.001])
def test_a_model_off_by_a_thousandth_is_beyond_the_tolerance_of_a_float32_reference(factor: float) -> None:
    for group in make_reference(NARROW, CaseRequest(ROWS, SEED)).groups:
        scaled = SCALER.transform(group.rows)
        answer = {"reconstruction": (scaled * np.float32(0.5) * np.float32(factor)).astype(np.float32)}
        within = np.abs(answer["reconstruction"] - group.outputs["reconstruction"]) <= group.tolerance["reconstruction"]
        assert within.all() == (factor == 1.0)


def test_an_error_that_is_not_about_precision_is_no_reason_for_float32() -> None:
    broken = replace(NARROW, network=Narrow(error=DwcpcError("the model cannot be run")))
    with pytest.raises(DwcpcError, match="the model cannot be run"):
        make_reference(broken, CaseRequest(ROWS, SEED))

"""The floor of a reduced precision: what it allows passes, a little more fails, and one chaotic row does not decide."""

from __future__ import annotations

import numpy as np
import pytest

from dwcpc.compiler.metadata import Decision
from dwcpc.parity.cases import EXTREME, TYPICAL, WIDE
from dwcpc.parity.checks.base import Comparison
from dwcpc.parity.checks.decisions import decisions, farthest_flip
from dwcpc.parity.checks.noise import noise
from dwcpc.parity.fidelity import allowance, plain_sqnr_db, signal_power, sqnr_db, sqnr_lower_db
from dwcpc.parity.reference import ReferenceGroup

ROWS, STEPS, CHANNELS = 400, 10, 3
FLOOR_DB = 30.0
RNG = np.random.default_rng(7)
SIGNAL = RNG.normal(size=(ROWS, STEPS, CHANNELS)) + 5.0  # a mean that must not count as signal
NOISE = RNG.normal(size=SIGNAL.shape)
CALM = np.ones(ROWS)


def answered(below_db: float, noise_of_row: np.ndarray | None = None) -> np.ndarray:
    """The signal with noise `below_db` dB below it, spread over the rows."""
    scaled = NOISE * (1.0 if noise_of_row is None else noise_of_row[:, None, None])
    centred = SIGNAL - SIGNAL.mean(axis=(0, 1))
    gain = np.sqrt((centred**2).sum() / (scaled**2).sum()) * 10 ** (-below_db / 20)
    return SIGNAL + gain * scaled


def group(name: str = TYPICAL, noise_of_source: np.ndarray = CALM) -> ReferenceGroup:
    allowed = allowance(name, SIGNAL, noise_of_source, None, FLOOR_DB)
    score = np.full(ROWS, 0.25)
    tolerance = {"y": allowed.by_value[:, None, :], "s": allowed.of_score(score)}
    return ReferenceGroup(
        name, np.zeros((ROWS, 1), np.float32), {"y": SIGNAL, "s": score}, tolerance, allowance=allowed
    )


def judged(reference: ReferenceGroup, y: np.ndarray) -> dict[str, bool]:
    outputs = {"y": y.astype(np.float32), "s": np.full(ROWS, 0.25, np.float32)}
    return {result.check: result.passed for result in noise(Comparison(reference, outputs, "python", None))}


def test_the_ratio_is_the_definitions() -> None:
    assert plain_sqnr_db(SIGNAL, answered(33.0), group().allowance) == pytest.approx(33.0, abs=1e-6)  # type: ignore[arg-type]


@pytest.mark.parametrize(("below_db", "passes"), [(30.1, True), (29.9, False)])
def test_the_floor_is_where_it_is_said_to_be(below_db: float, passes: bool) -> None:
    assert judged(group(), answered(below_db))["noise"] is passes


@pytest.mark.parametrize(("name", "lower_by"), [(WIDE, 10.0), (EXTREME, 20.0)])
def test_rows_far_out_have_a_lower_floor(name: str, lower_by: float) -> None:
    assert judged(group(name), answered(FLOOR_DB - lower_by + 0.1))["noise"]
    assert not judged(group(name), answered(FLOOR_DB - lower_by - 0.1))["noise"]


def test_a_row_may_lose_what_the_source_loses_there_and_no_other_row() -> None:
    chaotic = CALM.copy()
    chaotic[17] = 100.0
    y = SIGNAL + (answered(40.0) - SIGNAL) * np.where(chaotic > 1, 60.0, 1.0)[:, None, None]
    plain = plain_sqnr_db(SIGNAL, y, group().allowance)  # type: ignore[arg-type]
    assert plain < FLOOR_DB
    assert judged(group(noise_of_source=chaotic), y) == {"noise": True, "row_noise": True}
    assert judged(group(), y) == {"noise": False, "row_noise": False}


def test_one_row_of_nonsense_does_not_hide_in_the_mean() -> None:
    y = SIGNAL.copy()
    y[3] += 0.5 * np.sign(NOISE[3])
    assert judged(group(), y) == {"noise": True, "row_noise": False}


def test_no_number_is_no_signal() -> None:
    y = SIGNAL.copy()
    y[0, 0, 0] = np.nan
    allowed = group().allowance
    assert allowed is not None
    assert sqnr_db(SIGNAL, y, allowed) == -200.0
    assert sqnr_lower_db(SIGNAL, y, allowed, 1) == -200.0
    assert not judged(group(), y)["noise"]


def test_the_unit_of_a_target_scaler_drops_out() -> None:
    unit = np.array([1.0, 100.0, 1e-3])
    scaled = allowance(TYPICAL, SIGNAL * unit, CALM, unit, FLOOR_DB)
    same = group().allowance
    assert same is not None
    assert sqnr_db(SIGNAL * unit, answered(35.0) * unit, scaled) == pytest.approx(35.0, abs=1e-6)
    np.testing.assert_allclose(scaled.by_value, same.by_value * unit)


def test_the_lower_bound_holds_for_other_rows() -> None:
    heavy = np.exp(2 * RNG.normal(size=ROWS))  # few rows hold most of the noise
    y, allowed = answered(35.0, heavy), group().allowance
    assert allowed is not None
    bound = sqnr_lower_db(SIGNAL[:200], y[:200], group_of(200), 1)
    assert bound < sqnr_db(SIGNAL[:200], y[:200], group_of(200))
    assert bound < sqnr_db(SIGNAL[200:], y[200:], group_of(200))


def group_of(rows: int):
    return allowance(TYPICAL, SIGNAL[:rows], np.ones(rows), None, FLOOR_DB)


@pytest.mark.parametrize(("times", "passes"), [(0.9, True), (1.1, False)])
def test_a_decision_may_flip_within_its_tolerance_and_not_beyond(times: float, passes: bool) -> None:
    reference = group()
    allowed = reference.allowance
    assert allowed is not None
    off = float(allowed.of_decision(np.array([0.25]))[0]) * times
    decision = Decision("s", "made up", 0.25 - off, ">")
    outputs = {"y": SIGNAL.astype(np.float32), "s": np.full(ROWS, 0.25 - 2 * off, np.float32)}
    (result,) = decisions(Comparison(reference, outputs, "python", decision))
    assert result.passed is passes
    assert farthest_flip(Comparison(reference, outputs, "python", decision)) == pytest.approx(times, rel=1e-4)
    assert off < 0.02


@pytest.mark.parametrize(("times", "passes"), [(0.9, True), (1.1, False)])
def test_a_score_that_the_network_answers_may_flip_within_its_noise_wherever_the_rows_lie(
    times: float, passes: bool
) -> None:
    score = 0.25 + 1e-6 * SIGNAL[:, 0, 0]  # rows at the threshold have no signal of their own
    usual = np.abs(SIGNAL[:, 0, 1]) / 10
    allowed = allowance(TYPICAL, score, CALM, None, FLOOR_DB, score_signal=signal_power(usual))
    epsilon = float(usual.std()) * 10 ** (-FLOOR_DB / 20)
    assert allowed.of_score(score) == pytest.approx(64 * epsilon)
    tolerance = {"s": allowed.of_score(score)}
    reference = ReferenceGroup(TYPICAL, np.zeros((ROWS, 1), np.float32), {"s": score}, tolerance, allowance=allowed)
    answer = score.copy()
    answer[5] -= 2 * epsilon * times
    decision = Decision("s", "made up", float(score[5] - epsilon * times), ">=")
    comparison = Comparison(reference, {"s": answer}, "python", decision)
    (result,) = decisions(comparison)
    assert result.passed is passes
    noisy = score + epsilon * times * np.sign(NOISE[:, 0, 0])
    found = {each.check: each.passed for each in noise(Comparison(reference, {"s": noisy}, "python", None))}
    assert found["noise"] is passes


def test_where_no_decision_flips_none_is_far_off_the_threshold() -> None:
    reference = group()
    outputs = {"y": SIGNAL.astype(np.float32), "s": np.full(ROWS, 0.24, np.float32)}
    assert farthest_flip(Comparison(reference, outputs, "python", Decision("s", "made up", 0.2, ">"))) == 0
    assert farthest_flip(Comparison(reference, outputs, "python", None)) == 0

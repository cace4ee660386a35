"""The rows that are drawn: the same for the same seed, finite, and as far out as their group says."""

from __future__ import annotations

import numpy as np
import pytest

from dwcpc.compiler.scalers import Scaler
from dwcpc.parity.cases import NON_FINITE_ROWS, draw_cases, non_finite_cases

SHAPE = (30, 3)
SCALER = Scaler("RobustScaler", (12.0, -3.0, 5e6), (0.5, 6.4e-7, 2e6))
STANDARD = Scaler("StandardScaler", SCALER.center, SCALER.scale)
ROWS = 1024
SEED = 3


def scaled(rows: np.ndarray, scaler: Scaler = SCALER) -> np.ndarray:
    return (rows.astype(np.float64) - np.array(scaler.center)) / np.array(scaler.scale)


def drawn(seed: int = SEED, scaler: Scaler = SCALER, calibration: np.ndarray | None = None) -> dict[str, np.ndarray]:
    return {case.name: case.rows for case in draw_cases(SHAPE, scaler, ROWS, seed, calibration)}


def test_the_same_seed_draws_the_same_rows_and_another_seed_others() -> None:
    first, again, other = drawn(), drawn(), drawn(SEED + 1)
    for name, rows in first.items():
        np.testing.assert_array_equal(rows, again[name])
        assert not np.array_equal(rows, other[name])


def test_groups_have_their_shares() -> None:
    sizes = {name: len(rows) for name, rows in drawn().items()}
    assert sizes == {"typical": 512, "wide": 128, "extreme": 64, "special": 64, "zero": 16}


def test_every_row_is_a_finite_float32_of_the_shape() -> None:
    for rows in drawn().values():
        assert rows.shape[1:] == SHAPE
        assert rows.dtype == np.float32
        assert np.isfinite(rows).all()


@pytest.mark.parametrize("scaler", [SCALER, STANDARD])
@pytest.mark.parametrize(("group", "magnitude"), [("typical", 1.0), ("wide", 10.0), ("extreme", 1e4)])
def test_groups_are_as_wide_as_they_say(group: str, magnitude: float, scaler: Scaler) -> None:
    # The second feature's scale lies below float32's resolution at its center: it is left out.
    values = scaled(drawn(scaler=scaler)[group], scaler)[..., [0, 2]]
    spread = np.percentile(values, 75) - np.percentile(values, 25) if scaler is SCALER else values.std()
    assert spread == pytest.approx(magnitude, rel=0.15)


def test_half_of_the_typical_rows_are_smooth_in_time() -> None:
    values = scaled(drawn()["typical"])[..., 0]
    steps = [np.abs(np.diff(part, axis=1)).mean() for part in (values[:256], values[256:])]
    assert steps[0] < 0.5 * steps[1]


def test_zero_rows_lose_more_and_more_values_to_zeros_of_either_sign() -> None:
    zeros = drawn()["zero"]
    share = (zeros == 0).mean(axis=(1, 2))
    assert share[0] < 0.2
    assert share[-1] > 0.8
    signs = np.signbit(zeros[zeros == 0])
    assert signs.any()
    assert not signs.all()


def test_special_rows_hold_denormals_and_windows_constant_in_time() -> None:
    special = drawn(scaler=Scaler.identity(SHAPE[-1]))["special"]
    assert any(((row != 0) & (np.abs(row) < np.finfo(np.float32).tiny)).any() for row in special)
    assert any((row == row[:1]).all() and (row != 0).all() for row in special)


def test_values_beyond_float32_are_clipped_to_it() -> None:
    huge = Scaler("StandardScaler", (0.0,) * 3, (1e37,) * 3)
    extreme = drawn(scaler=huge)["extreme"]
    assert np.isfinite(extreme).all()
    assert np.abs(extreme).max() == np.finfo(np.float32).max


def test_calibration_rows_stand_in_for_typical_ones() -> None:
    calibration = np.arange(600 * 90, dtype=np.float32).reshape(600, *SHAPE)
    groups = drawn(calibration=calibration)
    assert "typical" not in groups
    firsts = groups["calibration"][:, 0, 0]
    assert len(set(firsts.tolist())) == 512  # each row once
    assert set(firsts.tolist()) <= set(calibration[:, 0, 0].tolist())


def test_non_finite_rows_each_hold_nan_or_an_infinity_and_ordinary_values() -> None:
    typical = draw_cases(SHAPE, SCALER, 64, SEED)[0].rows[:16]
    rows = non_finite_cases(typical, SEED).rows
    assert rows.shape == (NON_FINITE_ROWS, *SHAPE)
    assert not np.isfinite(rows).all(axis=(1, 2)).any()
    assert np.isfinite(rows).any(axis=(1, 2)).all()
    for kind in (np.isnan, np.isposinf, np.isneginf):
        assert kind(rows).any()
    assert np.isfinite(typical).all()  # what was handed in stays as it was
    np.testing.assert_array_equal(rows, non_finite_cases(typical, SEED).rows)

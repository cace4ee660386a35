"""The tolerance against numbers worked out by hand.

σ · max(1e-5, 4·q99(noise), 4·noise_i), where σ ≥ 2⁻²³·max|f64| / 1e-5.
"""

from __future__ import annotations

import numpy as np
import pytest

from dwcpc.parity.tolerance import noise_of, relative_error, spread_of


def alternating(rows: int) -> np.ndarray:
    """Return 1, −1, 1, … of mean 0 and σ 1."""
    return np.resize([1.0, -1.0], rows)


def test_without_noise_it_is_a_share_of_the_spread() -> None:
    f64 = alternating(4)
    noise = noise_of(f64, [f64.astype(np.float32)])
    np.testing.assert_allclose(noise.by_row, np.full((4, 1), 1e-5))
    np.testing.assert_allclose(noise.bulk, [1e-5])
    assert noise.level == 0


def test_one_ulp_of_the_largest_value_is_always_allowed() -> None:
    f64 = np.full(5, 1024.0)  # no spread at all; one ulp of 2¹⁰ is 2¹⁰ · 2⁻²³ = 2⁻¹³
    for values in (f64, -f64):
        assert noise_of(values, [values.astype(np.float32)]).bulk == pytest.approx([2.0**-13])


def test_a_constant_of_zero_must_be_met() -> None:
    f64 = np.zeros((4, 3, 1))
    noise = noise_of(f64, [f64.astype(np.float32)])
    assert 0 <= noise.bulk[0] < 1e-300
    assert np.isfinite(noise.by_row).all()


def test_the_sources_noise_is_allowed_four_times_over() -> None:
    f64 = alternating(200)
    f32 = (f64 + 2.0**-10).astype(np.float32)
    noise = noise_of(f64, [f32])
    np.testing.assert_allclose(noise.by_row, np.full((200, 1), 2.0**-8))
    np.testing.assert_allclose(noise.bulk, [2.0**-8])
    assert noise.level == pytest.approx(2.0**-10)


def test_a_row_that_amplifies_rounding_has_a_tolerance_of_its_own_and_is_sensitive() -> None:
    f64 = alternating(1000)
    f32 = f64.copy()
    f32[7] += 2.0**-6
    noise = noise_of(f64, [f64, f32])
    assert noise.by_row[7, 0] == pytest.approx(2.0**-4)
    np.testing.assert_allclose(np.delete(noise.by_row, 7), 1e-5)  # 1 of 1,000 is above the 99th percentile
    assert np.flatnonzero(~noise.insensitive).tolist() == [7]
    np.testing.assert_allclose(noise.bulk, [1e-5])


def test_the_largest_of_the_samples_counts_and_the_level_is_the_first_ones() -> None:
    f64 = alternating(200)
    noise = noise_of(f64, [f64 + 2.0**-12, f64 + 2.0**-10, f64])
    np.testing.assert_allclose(noise.rows, 2.0**-10)
    assert noise.level == pytest.approx(2.0**-12)


def test_each_index_of_the_last_axis_has_its_own_spread() -> None:
    f64 = np.stack([2 * alternating(6), 2000 * alternating(6)], axis=-1).reshape(3, 2, 2)
    np.testing.assert_allclose(spread_of(f64), [2, 2000])
    np.testing.assert_allclose(noise_of(f64, [f64]).bulk, [2e-5, 2e-2])
    assert noise_of(f64, [f64]).by_row.shape == (3, 2)


def test_the_error_of_a_row_is_its_largest_relative_to_the_spread_of_its_channel() -> None:
    f64 = np.zeros((2, 3, 2))
    candidate = f64.copy()
    candidate[1, 2] = [-4.0, 5.0]
    np.testing.assert_allclose(relative_error(f64, candidate, np.array([2.0, 10.0])), [0, 2])

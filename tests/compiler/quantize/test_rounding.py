"""Compensated rounding against rounding to nearest, the best there is on tiny rows, and the formula written plainly."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from dwcpc.compiler.quantize.rounding import (
    BLOCK,
    DAMPING,
    LARGEST_WEIGHT,
    PAIR_LIMIT,
    rounded,
    rounded_to_nearest,
    second_moment,
)
from dwcpc.compiler.quantize.saturation import largest_pair


def correlated(columns, rank=4, count=400, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, rank)) @ rng.normal(size=(rank, columns)) + 0.1 * rng.normal(size=(count, columns))


def moment_of(columns, **more):
    return second_moment(correlated(columns, **more), np.zeros(columns))


def normal(*shape, seed=5):
    return np.random.default_rng(seed).normal(size=shape)


def error_of(weights, q, by_column, moment):
    left = weights - q * by_column
    return np.einsum("ij,jk,ik->i", left, moment, left)


def plainly_compensated(weights, by_column, widths, moment):
    """Algorithm 1 without blocks, one weight at a time."""
    damped = moment + DAMPING * np.mean(np.diag(moment)) * np.eye(len(moment))
    U = np.linalg.cholesky(np.linalg.inv(damped)).T
    second = [at % 2 == 1 for width in widths for at in range(width)]
    q = np.zeros_like(weights)
    for i, row in enumerate(weights.copy()):
        w = row
        for j in range(len(w)):
            low, high = -LARGEST_WEIGHT, LARGEST_WEIGHT
            if second[j] and q[i, j - 1] > 0:
                high = min(high, PAIR_LIMIT - q[i, j - 1])
            if second[j] and q[i, j - 1] < 0:
                low = max(low, -PAIR_LIMIT - q[i, j - 1])
            q[i, j] = min(max(np.round(w[j] / by_column[i, j]), low), high)
            e = (w[j] - q[i, j] * by_column[i, j]) / U[j, j]
            w[j + 1 :] -= e * U[j, j + 1 :]
    return q


@pytest.mark.parametrize("widths", [(BLOCK - 1,), (BLOCK,), (BLOCK + 1,), (45, 32), (7, 5, 70)])
def test_blocks_give_what_the_plain_loop_gives(widths) -> None:
    weights, moment = normal(6, sum(widths)), moment_of(sum(widths))
    found = rounded(weights, widths, moment)
    by_column = np.repeat(found.scale, widths, axis=1)
    np.testing.assert_array_equal(found.q, plainly_compensated(weights, by_column, widths, moment))
    np.testing.assert_allclose(found.error, error_of(weights, found.q, by_column, moment), rtol=1e-9)


def test_compensation_makes_far_less_error_on_correlated_inputs() -> None:
    weights, moment = normal(20, 48), moment_of(48)
    compensated, nearest = rounded(weights, (48,), moment).error, rounded_to_nearest(weights, (48,), moment).error
    assert (compensated <= nearest).all()
    assert compensated.mean() < 0.2 * nearest.mean()


def test_on_white_inputs_there_is_little_to_compensate() -> None:
    """The margin of the test above is the correlation's, not that of the clip alone."""
    weights = normal(20, 48)
    compensated, nearest = (each(weights, (48,), np.eye(48)).error.mean() for each in (rounded, rounded_to_nearest))
    assert 0.3 * nearest < compensated <= nearest


def best_there_is(row, scale, moment):
    """Return the least error over all whole numbers near the row's that keep the pairs' bound."""
    near = [np.floor(weight / scale) + np.arange(-2, 4) for weight in row]
    q = np.array(list(itertools.product(*near)))
    for first in range(0, len(row) - 1, 2):
        pair = q[:, first : first + 2]
        q = q[(np.maximum(pair, 0).sum(axis=1) <= PAIR_LIMIT) & (np.minimum(pair, 0).sum(axis=1) >= -PAIR_LIMIT)]
    return error_of(row[None], q, scale, moment).min()


def test_compensation_comes_close_to_the_best_there_is() -> None:
    columns = 5
    weights, moment = normal(40, columns), moment_of(columns, rank=2)
    found = rounded(weights, (columns,), moment)
    best = np.array([best_there_is(*pair, moment) for pair in zip(weights, found.scale[:, 0], strict=True)])
    nearest = rounded_to_nearest(weights, (columns,), moment).error
    assert (found.error >= best * (1 - 1e-9)).all()
    assert found.error.mean() < 2 * best.mean()
    assert nearest.mean() > 4 * best.mean()


def test_each_operand_has_a_scale_of_its_own() -> None:
    weights = normal(8, 20)
    weights[:, :12] *= 1000
    found = rounded(weights, (12, 8), np.eye(20))
    assert found.scale.shape == (8, 2)
    assert (found.scale[:, 0] > 100 * found.scale[:, 1]).all()
    restored = found.q * np.repeat(found.scale, (12, 8), axis=1)
    for operand in (slice(0, 12), slice(12, 20)):
        assert np.abs(restored[:, operand] - weights[:, operand]).max() < 0.1 * np.abs(weights[:, operand]).max()


def test_the_clip_is_chosen_by_the_error() -> None:
    """A weight that no input meets is cut off for the sake of the others; one that matters is not."""
    weights = normal(1, 16)
    weights[0, 15] = 1.8 * np.abs(weights).max()
    met, unmet = np.eye(16), np.eye(16)
    met[15, 15], unmet[15, 15] = 100.0, 1e-9
    whole = np.abs(weights).max() / (PAIR_LIMIT / 2)
    assert rounded(weights, (16,), unmet).scale[0, 0] == pytest.approx(0.55 * whole)
    clipped = rounded(weights, (16,), met)
    assert clipped.q[0, 15] * clipped.scale[0, 0] == pytest.approx(weights[0, 15], rel=0.02)


def test_the_clip_never_adds_error() -> None:
    weights, moment = normal(30, 24), moment_of(24)
    found = rounded(weights, (16, 8), moment)
    unclipped = np.maximum.reduceat(np.abs(weights), [0, 16], axis=1) / (PAIR_LIMIT / 2)
    by_column = np.repeat(unclipped, (16, 8), axis=1)
    unclipped_q = plainly_compensated(weights, by_column, (16, 8), moment)
    assert (found.error <= error_of(weights, unclipped_q, by_column, moment) * (1 + 1e-9)).all()
    assert (found.scale <= unclipped * (1 + 1e-12)).all()
    assert (found.scale < 0.95 * unclipped).any()


def test_a_row_of_zeros_stays_zero() -> None:
    weights = normal(3, 10)
    weights[1] = 0
    found = rounded(weights, (6, 4), moment_of(10))
    assert not found.q[1].any()
    assert found.error[1] == 0
    assert (found.scale > 0).all()


def test_an_operand_of_zeros_beside_another_adds_nothing() -> None:
    weights = normal(3, 10)
    weights[:, 6:] = 0
    found = rounded(weights, (6, 4), moment_of(10))
    restored = found.q * np.repeat(found.scale, (6, 4), axis=1)
    assert np.abs(restored[:, 6:]).max() < 1e-9


@pytest.mark.parametrize("empty", ["constant", "zero", "twice the same", "all zero"])
def test_a_moment_without_an_inverse_is_rounded_with(empty) -> None:
    inputs = correlated(12)
    if empty == "constant":
        inputs[:, 3:9] = 1.5
    elif empty == "zero":
        inputs[:, 5] = 0
    elif empty == "twice the same":
        inputs[:, 7] = inputs[:, 6]
    else:
        inputs[:] = 0
    weights, moment = normal(4, 12), second_moment(inputs, np.zeros(12))
    found = rounded(weights, (12,), moment)
    assert np.isfinite(found.error).all()
    assert (found.error <= rounded_to_nearest(weights, (12,), moment).error + 1e-12).all()
    assert np.abs(found.q).max() <= LARGEST_WEIGHT


def test_the_same_weights_are_rounded_the_same() -> None:
    weights, moment = normal(16, 40), moment_of(40)
    first, again = rounded(weights, (24, 16), moment), rounded(weights.copy(), (24, 16), moment.copy())
    np.testing.assert_array_equal(first.q, again.q)
    np.testing.assert_array_equal(first.scale, again.scale)


@pytest.mark.parametrize("order", ["C", "F"])
def test_the_given_weights_are_left_alone(order) -> None:
    weights = np.array(normal(16, 40), order=order)
    rounded(weights, (40,), moment_of(40))
    np.testing.assert_array_equal(weights, normal(16, 40))


def test_rows_do_not_depend_on_each_other() -> None:
    weights, moment = normal(16, 40), moment_of(40)
    np.testing.assert_array_equal(rounded(weights, (40,), moment).q[3:5], rounded(weights[3:5], (40,), moment).q)


def test_pairs_begin_where_an_operand_begins() -> None:
    """All weights alike and at the bound: were the pairs counted through, some pair of an operand would exceed it."""
    weights = np.full((2, 12), 1.0)
    widths = (5, 7)
    found = rounded(weights, widths, np.eye(12) + 0.9)
    parts = found.q[:, :5].T.astype(int), found.q[:, 5:].T.astype(int)
    assert [largest_pair(part) <= PAIR_LIMIT for part in parts] == [True, True]
    through = rounded(weights, (12,), np.eye(12) + 0.9).q.T.astype(int)
    assert largest_pair(through) <= PAIR_LIMIT


def test_pairs_counted_from_elsewhere_would_exceed_the_bound() -> None:
    weights = normal(200, 13)
    q = rounded(weights, (13,), moment_of(13)).q.T.astype(int)
    assert largest_pair(q) <= PAIR_LIMIT
    assert largest_pair(q[1:]) > PAIR_LIMIT


def test_weights_that_are_only_stored_use_all_8_bits() -> None:
    weights, moment = np.random.default_rng(5).uniform(-1, 1, size=(20, 48)), moment_of(48)
    stored, multiplied = rounded(weights, (48,), moment, paired=False), rounded(weights, (48,), moment)
    assert stored.error.mean() < 0.5 * multiplied.error.mean()
    assert np.abs(stored.q).max() == LARGEST_WEIGHT
    assert largest_pair(stored.q.T.astype(int)) > PAIR_LIMIT


def test_what_the_activations_rounding_adds_is_not_amplified() -> None:
    """D keeps the compensation from weights whose own inputs' rounding would then count."""
    inputs, weights = correlated(16, rank=2), normal(20, 16)
    noise = np.full(16, 0.05)
    without, with_noise = (rounded(weights, (16,), second_moment(inputs, D)) for D in (0 * noise, noise))
    moment = second_moment(inputs, noise)
    errors = [error_of(weights, each.q, each.scale, moment).mean() for each in (without, with_noise)]
    assert errors[1] < errors[0]

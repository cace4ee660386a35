"""The linear baseline: what NumPy's least squares gives, and the λ that validation likes."""

from __future__ import annotations

import numpy as np
import pytest

from dwcpc.models.training.linear_baseline import CHUNK, fit_linear, fit_linear_to_parts


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_without_a_ridge_it_is_numpys_least_squares(rng: np.random.Generator) -> None:
    x = rng.normal(size=(CHUNK + 300, 3, 4)).astype(np.float32)
    y = x[:, 0, :2] * 3 - x[:, 2, 1:3] + rng.normal(size=(len(x), 2)) + 7
    design = np.hstack([x.reshape(len(x), 12), np.ones((len(x), 1))]).astype(np.float64)
    wanted = np.linalg.lstsq(design, y, rcond=None)[0]
    found = fit_linear(x, y, (x, y), ridges=(0.0,))
    assert np.allclose(found.weights, wanted, atol=1e-8)
    assert np.allclose(found.predict(x), design @ wanted, atol=1e-6)


def test_parts_of_any_length_are_one_fit(rng: np.random.Generator) -> None:
    x = rng.normal(size=(900, 3, 4)).astype(np.float32)
    y = x[:, 0, :2] * 3 + rng.normal(size=(900, 2))
    whole = fit_linear(x, y, (x, y))
    parts = fit_linear_to_parts(((x[rows], y[rows]) for rows in np.split(np.arange(900), [1, 500])), (x, y))
    assert parts.ridge == whole.ridge
    assert np.allclose(parts.weights, whole.weights, atol=1e-10)
    assert not np.allclose(fit_linear(x[1:], y[1:], (x, y)).weights, whole.weights, atol=1e-10)


def test_a_ridge_shrinks_everything_but_the_intercept(rng: np.random.Generator) -> None:
    x = rng.normal(size=(500, 2, 3)).astype(np.float32)
    y = x[:, 0, :1] + 5
    strong = fit_linear(x, y, (x, y), ridges=(1e9,))
    assert np.abs(strong.weights[:-1]).max() < 1e-5
    assert strong.weights[-1, 0] == pytest.approx(y.mean(), abs=1e-3)


def test_validation_chooses_the_ridge(rng: np.random.Generator) -> None:
    x = rng.normal(size=(40, 5, 6)).astype(np.float32)  # fewer windows than numbers in one, and no signal
    y = rng.normal(size=(40, 1))
    fresh = (rng.normal(size=(500, 5, 6)).astype(np.float32), rng.normal(size=(500, 1)))
    assert fit_linear(x, y, fresh).ridge == 1e4
    signal = x[:, :, :1].sum(axis=1)
    assert fit_linear(x, signal, (fresh[0], fresh[0][:, :, :1].sum(axis=1))).ridge < 1e2


def test_columns_that_say_the_same_do_no_harm(rng: np.random.Generator) -> None:
    x = np.repeat(rng.normal(size=(300, 2, 1)), 3, axis=2).astype(np.float32)
    y = x[:, 1, :1] * 2.0
    assert np.allclose(fit_linear(x, y, (x, y)).predict(x), y, atol=1e-3)

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn import metrics

from dwcpc.models.evaluation.regression import (
    by_target,
    figures_of_sums,
    near_zero,
    regression_figures,
    row_terms,
    within_correlation,
)


def test_figures_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    y = rng.uniform(50, 100, 400)
    p = y + rng.normal(0, 5, 400)
    figures = regression_figures(y, p)
    assert figures.mae == pytest.approx(metrics.mean_absolute_error(y, p))
    assert figures.rmse == pytest.approx(metrics.root_mean_squared_error(y, p))
    assert figures.mape == pytest.approx(metrics.mean_absolute_percentage_error(y, p))
    assert figures.r2 == pytest.approx(metrics.r2_score(y, p))
    assert figures.correlation == pytest.approx(np.corrcoef(y, p)[0, 1])
    assert figures.mape_values == 400


def test_a_percentage_is_taken_where_it_means_something_only() -> None:
    figures = regression_figures(np.array([0.0, 1e-9, 10.0, 20.0]), np.array([1.0, 1.0, 11.0, 22.0]))
    assert figures.mape == pytest.approx(0.1)
    assert figures.mape_values == 2


def test_what_does_not_vary_has_no_correlation() -> None:
    flat = regression_figures(np.array([1.0, 2.0]), np.array([3.0, 3.0]))
    assert math.isnan(flat.correlation)
    assert math.isnan(regression_figures(np.array([3.0, 3.0]), np.array([1.0, 2.0])).r2)


def test_each_target_is_told_by_its_name() -> None:
    actual = np.array([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]])
    assert list(by_target(("a", "b"), actual, actual + np.array([0, 1]))) == ["a", "b"]
    assert by_target(("a", "b"), actual, actual + np.array([0, 1]))["b"].mae == 1


def test_figures_of_rows_drawn_twice_are_those_of_the_rows_written_twice() -> None:
    rng = np.random.default_rng(1)
    y = rng.uniform(1e6, 1e6 + 5, 50)  # far from zero: sums of squares must not eat the digits
    p = y + rng.normal(0, 1, 50)
    terms = row_terms(y, p)
    weights = rng.integers(0, 3, 50)
    drawn = figures_of_sums(weights.astype(float) @ terms)
    written = regression_figures(np.repeat(y, weights), np.repeat(p, weights))
    for name in ("mae", "rmse", "mape", "mape_values", "r2", "correlation"):
        assert getattr(drawn, name) == pytest.approx(getattr(written, name), rel=1e-9), name


def test_to_know_which_link_it_is_does_not_help_within_links() -> None:
    rng = np.random.default_rng(2)
    link = np.repeat(np.arange(50), 20)
    level = rng.uniform(0, 1000, 50)[link]
    y = level + rng.normal(0, 1, 1000)
    assert regression_figures(y, level).correlation > 0.99
    assert abs(within_correlation(y, level + rng.normal(0, 1, 1000), link)) < 0.1
    p = y + rng.normal(0, 0.1, 1000)
    within = [
        np.corrcoef(y[link == at] - y[link == at].mean(), p[link == at] - p[link == at].mean()) for at in range(50)
    ]
    assert within_correlation(y, p, link) == pytest.approx(np.mean([each[0, 1] for each in within]), abs=0.01)


def test_a_target_that_is_mostly_next_to_nothing_is_near_zero() -> None:
    rng = np.random.default_rng(3)
    assert near_zero(np.where(rng.random(1000) < 0.6, 1e-5, 0.01))
    assert not near_zero(np.where(rng.random(1000) < 0.1, 1e-5, 0.01))
    assert not near_zero(rng.uniform(20, 900, 1000))

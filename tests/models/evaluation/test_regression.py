from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn import metrics

from dwcpc.models.evaluation.regression import by_target, regression_figures


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

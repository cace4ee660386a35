"""Evaluations of forecasters: intervals by links, what is asked for, what a bundle may lose, and how it is told."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from dwcpc.models.data.sequences import Sequences
from dwcpc.models.evaluation.forecast_evaluation import ForecastEvaluation, evaluate_forecast, evaluate_target
from dwcpc.models.evaluation.forecast_fall import LARGEST_FALL, largest_fall
from dwcpc.models.evaluation.forecast_told import HEADINGS, markdown, told

LINKS, EACH = 25, 40


def sequences(y: np.ndarray, links: int = LINKS) -> Sequences:
    rows = np.arange(len(y))
    group = np.repeat(np.arange(links), len(y) // links)
    x = np.zeros((len(y), 1, 1), np.float32)
    return Sequences(x, y, y, rows, group, rows.astype(float), 0)


@pytest.fixture
def actual() -> np.ndarray:
    return np.random.default_rng(0).uniform(50, 100, (LINKS * EACH, 2))


def evaluation(actual: np.ndarray, predicted: np.ndarray, links: int = LINKS) -> ForecastEvaluation:
    return evaluate_forecast("later", "model", ("rate", "delay"), sequences(actual, links), predicted)


def test_errors_that_a_whole_link_shares_make_the_interval_wider(actual: np.ndarray) -> None:
    rng = np.random.default_rng(1)
    link = np.repeat(np.arange(LINKS), EACH)
    predicted = actual[:, 0] + 10 * rng.normal(size=LINKS)[link]
    by_link, by_row = (
        evaluate_target(actual[:, 0], predicted, link, block) for block in (link, np.arange(LINKS * EACH))
    )
    width = [each.intervals["mae"].high - each.intervals["mae"].low for each in (by_link, by_row)]
    assert width[0] > 3 * width[1]
    assert by_link.intervals["mae"].low < by_link.figures.mae < by_link.intervals["mae"].high


def test_whole_links_are_drawn_where_there_are_enough_and_blocks_else(actual: np.ndarray) -> None:
    assert evaluation(actual, actual + 1).blocks == LINKS
    few = evaluation(actual, actual + 1, links=2)
    assert few.groups == 2
    assert few.blocks == 2 * math.ceil(len(actual) / 2 / 32)


def test_what_is_asked_for_is_a_correlation_or_a_percentage_that_means_something(actual: np.ndarray) -> None:
    rng = np.random.default_rng(2)
    noisy = actual + rng.normal(0, 3.0, actual.shape)
    target = evaluation(actual, noisy).targets["rate"]
    assert target.figures.correlation < 0.98
    assert target.figures.mape < 0.05
    assert target.reached
    assert not dataclasses.replace(target, near_zero=True).reached
    assert not evaluation(actual, actual + rng.normal(0, 9.0, actual.shape)).targets["rate"].reached
    assert evaluation(actual, actual + rng.normal(0, 0.5, actual.shape)).targets["rate"].reached


def test_a_bundle_that_lost_more_than_allowed_is_found_in_the_figure_that_lost_most(actual: np.ndarray) -> None:
    rng = np.random.default_rng(3)
    source = evaluation(actual, actual + rng.normal(0, 2.0, actual.shape))
    same = largest_fall([source], [source])
    assert same.fall == 0
    worse = actual + rng.normal(0, 2.0, actual.shape)
    worse[:, 1] += rng.normal(0, 1.0, len(actual))
    fall = largest_fall([source], [evaluation(actual, worse)])
    assert fall.target == "delay"
    assert fall.fall > LARGEST_FALL
    assert "delay, later" in str(fall)
    broken = evaluation(actual, np.where(np.arange(2) == 0, 70.0, actual + 1))
    assert largest_fall([source], [broken]).fall >= 1.0


def test_the_tables_have_a_row_for_each_target_of_each_model(actual: np.ndarray) -> None:
    first = evaluation(actual, actual + 1)
    second = dataclasses.replace(first, model="other", data="elsewhere")
    text, page = told([first, second]), markdown([first, second])
    assert text.splitlines()[0].split() == list(HEADINGS)
    assert sum("model" in line or "other" in line for line in text.splitlines()[1:5]) == 4
    assert len(page.splitlines()) == 2 + 4
    assert "1,000" in page
    zero = dataclasses.replace(first.targets["rate"], near_zero=True)
    assert "(1." in told([dataclasses.replace(first, targets={"rate": zero})])

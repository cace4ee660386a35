from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dwcpc.models.evaluation.classification import detection_figures
from dwcpc.models.training.threshold import best_threshold, quantile_threshold, threshold_at_false_positive_rate

CASES = st.lists(st.tuples(st.booleans(), st.integers(0, 8)), min_size=2, max_size=30).filter(
    lambda rows: len({anomalous for anomalous, _ in rows}) == 2 and len({score for _, score in rows}) > 1
)


def quality(anomalous: np.ndarray, score: np.ndarray, threshold: float) -> float:
    figures = detection_figures(anomalous, score, threshold)
    return figures.accuracy + figures.detection_accuracy


@given(CASES)
@settings(max_examples=100, deadline=None)
def test_no_other_threshold_judges_the_same_windows_better(rows: list[tuple[bool, int]]) -> None:
    anomalous, score = (np.array(column) for column in zip(*rows, strict=True))
    found = quality(anomalous, score, best_threshold(score.astype(np.float32), anomalous))
    between = np.unique(score)[:-1] + 0.5
    assert found == pytest.approx(max(quality(anomalous, score, at) for at in between))


def test_it_lies_in_the_middle_of_the_gap() -> None:
    assert best_threshold(np.array([0.0, 1.0, 3.0, 4.0]), np.array([False, False, True, True])) == 2.0


def test_scores_that_are_all_equal_leave_nothing_to_choose() -> None:
    assert best_threshold(np.array([2.0, 2.0]), np.array([False, True])) == 2.0


def test_without_labels_it_is_a_quantile() -> None:
    assert quantile_threshold(np.arange(101.0), 0.99) == 99.0


def test_the_threshold_keeps_the_limit_on_normal_rows_and_no_lower_one_does() -> None:
    rng = np.random.default_rng(4)
    label = rng.random(400) < 0.3
    score = np.round((rng.normal(size=400) + label) * 5) / 20  # with ties
    threshold = threshold_at_false_positive_rate(score, label, 0.05)
    normal = score[~label]
    assert (normal >= threshold).mean() <= 0.05
    below = score[score < threshold].max()
    assert (normal >= below).mean() > 0.05
    assert threshold not in score


def test_where_no_score_keeps_the_limit_the_threshold_flags_nothing() -> None:
    label, score = np.array([False, True]), np.array([1.0, 1.0])
    assert not (score >= threshold_at_false_positive_rate(score, label, 0.0)).any()

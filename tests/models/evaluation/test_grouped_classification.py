from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dwcpc.compiler.errors import InputError
from dwcpc.models.evaluation.classification import DetectionFigures
from dwcpc.models.evaluation.grouped_classification import (
    Bootstrap,
    evaluate,
    highest_fall,
    threshold_at_false_positive_rate,
)


def drawn(seed: int, rows: int = 400, values: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and scores with ties."""
    rng = np.random.default_rng(seed)
    label = rng.random(rows) < 0.3
    return label, np.round((rng.normal(size=rows) + label) * values / 4) / values


def test_the_owners_confusion_matrix_gives_the_owners_figures() -> None:
    label = np.repeat([False, True, True], [3208, 72, 691])
    flagged = np.repeat([False, False, True], [3208, 72, 691])
    found = evaluate(label, flagged.astype(float), flagged, np.arange(len(label)), Bootstrap(replicates=50))
    assert dataclasses.astuple(found.confusion) == (3208, 0, 72, 691)
    assert found.metrics.detection_accuracy == pytest.approx(0.9528, abs=5e-5)
    assert found.metrics.accuracy == pytest.approx(0.9819, abs=5e-5)
    assert found.metrics.false_positive_rate == 0.0


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 200))
def test_metrics_are_scikit_learns(seed: int) -> None:
    from sklearn import metrics

    label, score = drawn(seed)
    flagged = score >= 0.5
    found = evaluate(label, score, flagged, np.arange(len(label)), Bootstrap(replicates=2)).metrics
    expected = {
        "accuracy": metrics.accuracy_score(label, flagged),
        "precision": metrics.precision_score(label, flagged),
        "recall": metrics.recall_score(label, flagged),
        "f1": metrics.f1_score(label, flagged),
        "roc_auc": metrics.roc_auc_score(label, score),
        "pr_auc": metrics.average_precision_score(label, score),
    }
    assert {name: getattr(found, name) for name in expected} == pytest.approx(expected, abs=1e-12)


def test_nothing_flagged_is_a_precision_of_zero() -> None:
    label, score = drawn(1)
    found = evaluate(label, score, np.zeros(len(label), bool), np.arange(len(label)), Bootstrap(replicates=5))
    assert (found.metrics.precision, found.metrics.recall) == (0.0, 0.0)


def test_an_interval_holds_the_metric_and_is_wider_where_rows_of_a_group_are_alike() -> None:
    label, score = drawn(2, rows=200)
    flagged = score >= 0.5
    alone = evaluate(label, score, flagged, np.arange(len(label)))
    copies = [np.repeat(part, 10) for part in (label, score, flagged, np.arange(len(label)))]
    by_group = evaluate(*copies)
    by_row = evaluate(*copies[:3], np.arange(len(copies[0])))

    def width(found: object) -> float:
        return found.high.recall - found.low.recall  # type: ignore[attr-defined]

    assert by_group.low.recall <= by_group.metrics.recall <= by_group.high.recall
    assert width(by_group) == pytest.approx(width(alone))  # ten copies of a row say no more than one
    assert width(by_row) < width(by_group) / 2


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    rng = np.random.default_rng(3)
    covered = 0
    for at in range(100):
        label = np.repeat(rng.random(60) < 0.5, 5)
        flagged = label & np.repeat(rng.random(60) < 0.8, 5)  # found or missed as a group; recall is 0.8
        found = evaluate(label, flagged.astype(float), flagged, np.repeat(np.arange(60), 5), Bootstrap(200, seed=at))
        covered += found.low.recall <= 0.8 <= found.high.recall
    assert 85 <= covered <= 99


def test_the_threshold_keeps_the_limit_on_normal_rows_and_no_lower_one_does() -> None:
    label, score = drawn(4)
    threshold = threshold_at_false_positive_rate(label, score, 0.05)
    normal = score[~label]
    assert (normal >= threshold).mean() <= 0.05
    below = score[score < threshold].max()
    assert (normal >= below).mean() > 0.05
    assert threshold not in score


def test_where_no_score_keeps_the_limit_the_threshold_flags_nothing() -> None:
    label, score = np.array([False, True]), np.array([1.0, 1.0])
    assert not (score >= threshold_at_false_positive_rate(label, score, 0.0)).any()


def test_the_highest_fall_counts_a_higher_false_positive_rate_as_worse() -> None:
    before = DetectionFigures(0.9, 0.9, 0.9, 0.9, 0.9, 0.02, 0.9, 0.9)
    assert highest_fall(before, before) == ("accuracy", 0.0)
    worse = dataclasses.replace(before, recall=0.899, false_positive_rate=0.05)
    assert highest_fall(before, worse) == ("false_positive_rate", pytest.approx(0.03))
    assert highest_fall(before, dataclasses.replace(before, recall=0.95, false_positive_rate=0.0))[1] == 0.0


@pytest.mark.parametrize(
    ("label", "score", "sentence"),
    [
        ([True, True], [0.1, 0.2], "all labels are the same"),
        ([True, False], [0.1, np.nan], "a score is NaN"),
        ([True, False], [0.1], "expected one length"),
    ],
)
def test_what_cannot_be_judged_is_refused(label: list[bool], score: list[float], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        evaluate(np.array(label), np.array(score), np.array(label), np.arange(len(label)))

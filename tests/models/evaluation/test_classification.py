from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from dwcpc.models.evaluation.classification import Judge, confusion_of, detection_figures, precision_recall, roc

CASES = st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=2, max_size=40).filter(
    lambda rows: len({anomalous for anomalous, _ in rows}) == 2
)


@given(CASES, st.integers(-1, 7))
@settings(max_examples=80, deadline=None)
def test_figures_are_those_of_scikit_learn(rows: list[tuple[bool, int]], threshold: int) -> None:
    anomalous, score = (np.array(column) for column in zip(*rows, strict=True))
    figures = detection_figures(anomalous, score.astype(np.float32), threshold)
    flagged = score > threshold
    assert figures.accuracy == pytest.approx(metrics.accuracy_score(anomalous, flagged))
    assert figures.recall == pytest.approx(metrics.recall_score(anomalous, flagged))
    assert figures.f1 == pytest.approx(metrics.f1_score(anomalous, flagged))
    assert figures.roc_auc == pytest.approx(metrics.roc_auc_score(anomalous, score))
    assert figures.pr_auc == pytest.approx(metrics.average_precision_score(anomalous, score))
    assert figures.precision == pytest.approx(metrics.precision_score(anomalous, flagged, zero_division=0))


@given(CASES, st.data())
@settings(max_examples=40, deadline=None)
def test_a_window_that_counts_twice_is_as_two_windows(rows: list[tuple[bool, int]], data: st.DataObject) -> None:
    anomalous, score = (np.array(column) for column in zip(*rows, strict=True))
    weights = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(rows), max_size=len(rows))))
    if not weights.any():
        weights[0] = 1
    weighted = dataclasses.astuple(Judge(anomalous, score, score > 3).figures(weights))
    repeated = dataclasses.astuple(detection_figures(np.repeat(anomalous, weights), np.repeat(score, weights), 3))
    assert weighted == pytest.approx(repeated, nan_ok=True)


def test_the_owners_report_has_the_detection_accuracy_that_they_define() -> None:
    """TN 3208, FP 0, FN 72, TP 691: 95.28 % and 98.19 %."""
    anomalous = np.repeat([False, True, True], [3208, 72, 691])
    figures = detection_figures(anomalous, np.repeat([0.0, 0.0, 1.0], [3208, 72, 691]), 0.5)
    assert round(100 * figures.detection_accuracy, 2) == 95.28
    assert round(100 * figures.accuracy, 2) == 98.19
    assert (figures.precision, figures.false_positive_rate) == (1, 0)


def test_a_score_at_the_threshold_is_no_anomaly() -> None:
    assert detection_figures(np.array([True, False]), np.array([0.5, 0.1]), 0.5).recall == 0
    assert confusion_of(np.array([True, False]), np.array([True, True])).false_positives == 1


def test_curves_end_where_everything_is_flagged() -> None:
    anomalous, score = np.array([True, False, True, False]), np.array([0.9, 0.5, 0.5, 0.1])
    precision, recall, at = precision_recall(anomalous, score)
    assert precision.tolist() == [1, 2 / 3, 0.5]
    assert recall.tolist() == [0.5, 1, 1]
    assert at.tolist() == [0.9, 0.5, 0.1]
    assert [curve.tolist() for curve in roc(anomalous, score)] == [[0, 0, 0.5, 1], [0, 0.5, 1, 1]]

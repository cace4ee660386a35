from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from dwcpc.compiler.errors import InputError
from dwcpc.models.evaluation.classification import DetectionFigures
from dwcpc.models.evaluation.grouped_classification import Evaluation, evaluate, highest_fall


def drawn(seed: int, rows: int = 400, values: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and scores with ties."""
    rng = np.random.default_rng(seed)
    label = rng.random(rows) < 0.3
    return label, np.round((rng.normal(size=rows) + label) * values / 4) / values


def test_an_interval_holds_the_metric_and_is_wider_where_rows_of_a_group_are_alike() -> None:
    label, score = drawn(2, rows=200)
    flagged = score >= 0.5
    alone = evaluate(label, score, flagged, np.arange(len(label)))
    copies = [np.repeat(part, 10) for part in (label, score, flagged, np.arange(len(label)))]
    by_group = evaluate(*copies)
    by_row = evaluate(*copies[:3], np.arange(len(copies[0])))

    def width(found: Evaluation) -> float:
        return found.intervals["recall"].high - found.intervals["recall"].low

    assert by_group.intervals["recall"].low <= by_group.figures.recall <= by_group.intervals["recall"].high
    assert width(by_group) == pytest.approx(width(alone))  # ten copies of a row say no more than one
    assert width(by_row) < width(by_group) / 2


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    rng = np.random.default_rng(3)
    covered = 0
    for at in range(100):
        label = np.repeat(rng.random(60) < 0.5, 5)
        flagged = label & np.repeat(rng.random(60) < 0.8, 5)  # found or missed as a group; recall is 0.8
        found = evaluate(label, flagged.astype(float), flagged, np.repeat(np.arange(60), 5), rounds=200, seed=at)
        covered += found.intervals["recall"].low <= 0.8 <= found.intervals["recall"].high
    assert 85 <= covered <= 99


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

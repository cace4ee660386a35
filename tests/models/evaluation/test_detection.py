from __future__ import annotations

import numpy as np

from dwcpc.models.data.windows import Windows
from dwcpc.models.evaluation.detection import KindFigures, evaluate_detection
from dwcpc.models.evaluation.told import markdown, told


def windows_of(steps: list[int], kinds: list[str]) -> Windows:
    count = len(steps)
    return Windows(
        x=np.zeros((count, 10, 1), np.float32),
        anomalous_steps=np.array(steps),
        group=np.zeros(count, np.int64),
        begin=np.arange(count, dtype=np.float64),
        kind=np.array(kinds),
    )


WINDOWS = windows_of([0, 0, 1, 5, 10, 10], ["", "", "flood", "flood", "lie", "lie"])
SCORE = np.array([0.1, 0.9, 0.9, 0.9, 0.2, 0.9], np.float32)


def test_edge_windows_count_apart_and_where_they_are_said_to() -> None:
    found = evaluate_detection("test", "model", WINDOWS, SCORE, 0.5)
    assert (found.windows, found.anomalies, found.edge_windows, found.edge_flagged) == (5, 3, 1, 1)
    assert found.figures.recall == 2 / 3
    assert found.with_edges.recall == 3 / 4


def test_each_kind_is_counted() -> None:
    found = evaluate_detection("test", "model", WINDOWS, SCORE, 0.5)
    assert found.kinds == (KindFigures("flood", 1, 1), KindFigures("lie", 2, 1))


def test_the_interval_holds_the_figure() -> None:
    steps = [0, 0, 0, 10] * 60
    score = np.random.default_rng(0).uniform(size=240) + np.array(steps) / 20
    found = evaluate_detection("test", "model", windows_of(steps, [""] * 240), score, 0.7)
    for name, interval in found.intervals.items():
        assert interval.low <= getattr(found.figures, name) <= interval.high


def test_the_table_has_every_figure_and_the_lower_ends() -> None:
    found = evaluate_detection("later", "small", WINDOWS, SCORE, 0.5)
    text = told([found])
    assert "66.67 %" in text
    assert "≥ " in text
    assert "flood 1/1, lie 1/2" in text
    assert "1/1" in text.splitlines()[1]
    assert markdown([found]).splitlines()[2].startswith("| small | later | 5 | 60.00 %")

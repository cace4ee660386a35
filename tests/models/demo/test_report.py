import numpy as np
import pytest

from dwcpc.models.demo.report import Detection, Training, render

DETECTION = Detection.count(np.array([False, False, False, True]), np.array([True, True, True, False]))


def test_counts_a_flagged_faulty_window_as_a_true_positive():
    assert Detection(true_negatives=3, false_positives=1, false_negatives=1, true_positives=3) == DETECTION


def test_rates_follow_their_definitions():
    rates = (DETECTION.recall, DETECTION.precision, DETECTION.false_positive_rate, DETECTION.accuracy)
    assert rates == (0.75, 0.75, 0.25, 0.75)


@pytest.mark.parametrize("row", ["| recall | 75.00% |", "| false positive rate | 25.00% |", "| seed | 3 |"])
def test_the_page_states_the_figures(row):
    training = Training(3, 10, 2, 1000, 0.25, 0.26, 0.5, 0.99)
    assert row in render(training, DETECTION).splitlines()

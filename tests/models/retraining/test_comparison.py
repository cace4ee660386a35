"""What decides whether a model is published: noise does not, and what is worse does not pass."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from numpy.typing import NDArray

from dwcpc.models.evaluation.classification import Judge
from dwcpc.models.retraining.comparison import LEAST_LABELLED, Figures, Weights, compare, enough, enough_windows
from dwcpc.models.retraining.power import passed_at_the_border, shares

ROWS = 1600
BLOCK = np.arange(ROWS) // 8
LABEL = np.arange(ROWS) % 5 == 0


def recall_of(flagged: NDArray[np.bool_], label: NDArray[np.bool_] = LABEL) -> Figures:
    def figures(weights: Weights | None) -> dict[str, float]:
        counts = np.ones(ROWS) if weights is None else weights
        labelled = float(counts @ label)
        return {"recall": float(counts @ (flagged & label)) / labelled if labelled else math.nan}

    return figures


def finding(recall: float, seed: int) -> NDArray[np.bool_]:
    """Flag this share of the labelled rows, drawn."""
    return LABEL & (np.random.default_rng(seed).random(ROWS) < recall)


def verdict(candidate: NDArray[np.bool_], served: NDArray[np.bool_], tolerance: float = 0.02) -> str:
    (found,) = compare(BLOCK, recall_of(candidate), recall_of(served), ["recall"], tolerance=tolerance)
    return found.verdict


def test_the_same_model_is_not_worse_even_without_tolerance() -> None:
    same = finding(0.9, 1)
    (found,) = compare(BLOCK, recall_of(same), recall_of(same), ["recall"], tolerance=0.0)
    assert (found.verdict, found.difference, found.low, found.high) == ("pass", 0.0, 0.0, 0.0)


def test_better_passes_worse_fails_and_in_between_nobody_knows() -> None:
    served = finding(0.90, 1)
    assert verdict(finding(0.99, 2), served) == "pass"
    assert verdict(finding(0.70, 2), served) == "fail"
    assert verdict(finding(0.89, 3), served) == "inconclusive"


def test_a_larger_tolerance_lets_the_same_difference_pass() -> None:
    served, worse = finding(0.9, 1), finding(0.85, 2)
    assert verdict(worse, served, tolerance=0.0) != "pass"
    assert verdict(worse, served, tolerance=0.2) == "pass"


def test_a_model_that_is_worse_by_the_tolerance_passes_at_most_as_often_as_stated() -> None:
    passed, _ = shares(LEAST_LABELLED, 0.02, tolerance=0.02, tries=100)
    assert passed <= 0.07
    assert passed_at_the_border(LEAST_LABELLED, tries=400) <= 0.06  # 3.3 % of 4,000


def test_a_model_that_is_as_good_passes_where_there_are_rows_enough_and_never_fails_by_chance() -> None:
    passed, failed = shares(3000, 0.0, tolerance=0.02, tries=30)
    assert (passed, failed) == (1.0, 0.0)


def test_the_comparison_is_paired() -> None:
    hard = np.random.default_rng(5).random(ROWS // 8) < 0.5  # blocks in which nobody finds anything
    served = LABEL & ~hard[BLOCK]
    candidate = served.copy()
    candidate[np.flatnonzero(served)[::40]] = False
    (found,) = compare(BLOCK, recall_of(candidate), recall_of(served), ["recall"])
    alone = compare(BLOCK, recall_of(candidate), lambda _: {"recall": 0.5}, ["recall"])[0]
    assert found.high - found.low < (alone.high - alone.low) / 3


def test_a_figure_that_is_never_defined_decides_nothing() -> None:
    none = np.zeros(ROWS, np.bool_)
    (found,) = compare(BLOCK, recall_of(none, none), recall_of(none, none), ["recall"])
    assert (found.verdict, math.isinf(found.low)) == ("inconclusive", True)


def test_the_reason_states_everything_that_it_follows_from() -> None:
    (found,) = compare(BLOCK, recall_of(finding(0.7, 2)), recall_of(finding(0.9, 1)), ["recall"])
    for value in (found.candidate, found.served):
        assert f"{value:.4f}" in found.reason
    assert "-0.01 is tolerated; worse" in found.reason
    unclear = dataclasses.replace(found, verdict="inconclusive")
    assert "too few fresh rows to tell" in unclear.reason


@pytest.mark.parametrize(
    ("label", "decides"),
    [
        (LABEL, True),
        (np.zeros(ROWS, np.bool_), False),
        (np.ones(ROWS, np.bool_), False),
        (np.arange(ROWS) < 320, True),  # in 40 blocks
        (np.arange(ROWS) < 296, False),  # of them too few
        ((np.arange(ROWS) // 8 < 40) & (np.arange(ROWS) % 8 < 7), False),  # 280
        (np.zeros(0, np.bool_), False),
    ],
)
def test_few_incidents_decide_nothing(label: NDArray[np.bool_], decides: bool) -> None:
    assert (enough(label, BLOCK[: len(label)]) is None) is decides


def test_many_rows_of_few_incidents_decide_nothing() -> None:
    block = np.arange(ROWS) // 80  # twenty
    assert enough(LABEL, block) is None
    assert enough(LABEL, np.minimum(block, 18)) is not None


@pytest.mark.parametrize(
    ("windows", "blocks", "decides"), [(1000, 20, True), (999, 20, False), (1000, 19, False), (0, 0, False)]
)
def test_few_windows_or_few_links_decide_nothing_about_a_forecaster(windows: int, blocks: int, decides: bool) -> None:
    block = np.arange(windows) * blocks // max(windows, 1)
    why = enough_windows(block)
    assert (why is None) is decides
    if why is not None:
        assert why.startswith(f"{windows} fresh windows, in {blocks} blocks; expected 1,000 or more in 20")


def plain_recall(label: NDArray[np.bool_], score: NDArray[np.float64], share: float) -> float:
    """Try each threshold."""
    best = 0.0
    for threshold in np.unique(score):
        flagged = score >= threshold
        if (flagged & ~label).sum() <= share * (~label).sum():
            best = max(best, float((flagged & label).sum() / label.sum()))
    return best


def judge_of(label: NDArray[np.bool_], score: NDArray[np.float64]) -> Judge:
    return Judge(label, score, np.zeros(len(label), np.bool_))


@pytest.mark.parametrize("seed", range(20))
def test_recall_at_a_rate_of_false_positives_is_that_of_the_best_threshold(seed: int) -> None:
    rng = np.random.default_rng(seed)
    label = rng.random(300) < 0.2
    score = np.round(rng.normal(size=300) + label, 1)  # with ties
    share = float(rng.choice([0.0, 0.02, 0.05, 0.3]))
    assert judge_of(label, score).recall_at(share) == pytest.approx(plain_recall(label, score, share), abs=1e-12)


def test_recall_at_a_rate_counts_rows_as_often_as_they_were_drawn() -> None:
    rng = np.random.default_rng(0)
    label, score = rng.random(200) < 0.3, rng.normal(size=200)
    weights: Weights = rng.integers(0, 4, 200)
    again = np.repeat(np.arange(200), weights)
    expected = plain_recall(label[again], score[again], 0.1)
    assert judge_of(label, score).recall_at(0.1, weights) == pytest.approx(expected, abs=1e-12)
    assert math.isnan(judge_of(np.zeros(5, np.bool_), np.arange(5.0)).recall_at(0.1))

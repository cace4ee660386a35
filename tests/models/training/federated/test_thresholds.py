"""A threshold from counts is as good as the one chosen from the scores themselves."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dwcpc.compiler.errors import InputError
from dwcpc.models.training.federated.thresholds import (
    COARSE,
    best_quality,
    labelled_threshold,
    score_counts,
    unlabelled_threshold,
)
from dwcpc.models.training.threshold import best_threshold, detection_quality

Scored = tuple[NDArray[np.float64], NDArray[np.bool_]]


def drawn(seed: int, clients: int = 8, windows: int = 200) -> list[Scored]:
    """Return each client's scores, which differ in size, and whether a window is an anomaly."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(clients):
        anomalous = rng.random(windows) < 0.17
        found.append((np.exp(rng.normal(rng.normal(0, 0.3) + 2.5 * anomalous, 0.8)), anomalous))
    return found


def asked_of(clients: list[Scored]) -> Callable[[NDArray[np.float64]], NDArray[np.int64]]:
    def ask(cuts: NDArray[np.float64]) -> NDArray[np.int64]:
        summed: NDArray[np.int64] = np.sum([score_counts(*client, cuts) for client in clients], axis=0)
        return summed

    return ask


def quality(threshold: float, clients: list[Scored]) -> float:
    score, anomalous = (np.concatenate(parts) for parts in zip(*clients, strict=True))
    flagged = score > threshold
    found, all_flagged = np.array([(flagged & anomalous).sum()]), np.array([flagged.sum()])
    return float(detection_quality(found, all_flagged, int(anomalous.sum()), len(score))[0])


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_it_judges_as_well_as_the_best_of_all_scores(seed: int) -> None:
    clients = drawn(seed)
    best = best_threshold(*(np.concatenate(parts) for parts in zip(*clients, strict=True)))
    assert quality(labelled_threshold(asked_of(clients)), clients) > quality(best, clients) - 0.01


def test_the_mean_of_the_clients_own_thresholds_would_not() -> None:
    clients = [(score * 4.0**place, anomalous) for place, (score, anomalous) in enumerate(drawn(3))]
    best = best_threshold(*(np.concatenate(parts) for parts in zip(*clients, strict=True)))
    mean = float(np.mean([best_threshold(*client) for client in clients]))
    assert quality(mean, clients) < quality(best, clients) - 0.01
    assert quality(labelled_threshold(asked_of(clients)), clients) > quality(best, clients) - 0.01


def test_between_two_apart_it_is_in_the_middle_of_the_gap() -> None:
    clients = [(np.array([0.1, 0.2, 8.0, 9.0]), np.array([False, False, True, True]))]
    assert labelled_threshold(asked_of(clients)) == pytest.approx(4.1, rel=0.15)


def test_without_labels_it_is_the_quantile_of_the_scores() -> None:
    clients = [(score, np.zeros(len(score), bool)) for score, _ in drawn(2)]
    exact = np.quantile(np.concatenate([score for score, _ in clients]), 0.99)
    assert unlabelled_threshold(asked_of(clients), 0.99) == pytest.approx(exact, rel=0.01)
    assert unlabelled_threshold(asked_of(clients), 0.9) < 0.9 * exact


def test_a_round_is_as_good_as_its_best_threshold() -> None:
    clients = drawn(1)
    best = best_threshold(*(np.concatenate(parts) for parts in zip(*clients, strict=True)))
    assert best_quality(asked_of(clients)(COARSE)) == pytest.approx(quality(best, clients), abs=0.02)
    without = [(score, np.zeros(len(score), bool)) for score, _ in clients]
    assert best_quality(asked_of(without)(COARSE)) is None


def test_without_windows_there_is_none() -> None:
    with pytest.raises(InputError, match="no client has a window"):
        labelled_threshold(asked_of([(np.zeros(0), np.zeros(0, bool))]))

"""The consensus model that ships: it reaches what its owners asked for, on windows simulated anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dwcpc.models.evaluation.answers import Detector, load_detector
from dwcpc.models.evaluation.detection import DetectionEvaluation, evaluate_detection
from dwcpc.models.training.folds import CONSENSUS_COLUMNS, ConsensusSizes, TestSet, cut_windows, unseen_tables
from dwcpc.models.training.run_files import read_threshold

SHIPPED = Path(__file__).resolve().parents[3] / "models" / "trained" / "consensus"
MOVED_WINDOWS = 2
"""Another machine's float32 may put a window that lies at the threshold on its other side."""


@pytest.fixture(scope="module")
def detector() -> Detector:
    return load_detector(SHIPPED / "consensus.pth", SHIPPED / "consensus_scaler.json", read_threshold(SHIPPED))


@pytest.fixture(scope="module")
def other_nodes() -> TestSet:
    name, table = next(iter(unseen_tables(42, 0.5, ConsensusSizes()).items()))
    return TestSet(name, cut_windows(table, CONSENSUS_COLUMNS, 30, 30))


@pytest.fixture(scope="module")
def found(detector: Detector, other_nodes: TestSet) -> DetectionEvaluation:
    windows = other_nodes.windows
    return evaluate_detection(other_nodes.name, "shipped", windows, detector.score(windows.x), detector.threshold)


def stated(name: str) -> dict[str, Any]:
    evaluations = json.loads((SHIPPED / "evaluation.json").read_text(encoding="utf-8"))
    evaluation: dict[str, Any] = next(each for each in evaluations if each["data"] == name)
    return evaluation


def test_nodes_that_it_never_saw_are_told_as_well_as_asked_for(found: DetectionEvaluation) -> None:
    assert found.windows >= 3900
    assert 0.15 <= found.anomalies / found.windows <= 0.20
    assert found.figures.accuracy >= 0.98
    assert found.figures.detection_accuracy >= 0.98
    assert found.figures.recall >= 0.97
    assert {each.kind for each in found.kinds if each.found >= 0.9 * each.windows} == {
        "slow_disk",
        "network_partition",
        "byzantine_leader",
        "flapping_leader",
        "cascading_failure",
        "coordinated_attack",
    }


def test_the_evaluation_beside_it_is_what_it_does(found: DetectionEvaluation) -> None:
    confusion = stated("other nodes")["confusion"]
    for name in ("true_negatives", "false_positives", "false_negatives", "true_positives"):
        assert abs(confusion[name] - getattr(found.confusion, name)) <= MOVED_WINDOWS


def test_another_threshold_would_be_found_out(detector: Detector, other_nodes: TestSet) -> None:
    windows = other_nodes.windows
    found = evaluate_detection("other nodes", "shipped", windows, detector.score(windows.x), 10 * detector.threshold)
    confusion = stated("other nodes")["confusion"]
    assert abs(confusion["false_negatives"] - found.confusion.false_negatives) > MOVED_WINDOWS


def test_later_times_of_the_nodes_it_was_trained_on_are_stated_as_well_as_asked_for() -> None:
    later = stated("later")
    assert later["windows"] >= 3900
    assert later["figures"]["accuracy"] >= 0.98
    assert later["figures"]["recall"] >= 0.97
    assert later["intervals"]["detection_accuracy"]["low"] >= 0.98


def test_it_is_small() -> None:
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) < 4e6

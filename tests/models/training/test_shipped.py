"""The consensus model that ships: it reaches what its owners asked for, on windows simulated anew."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from dwcpc.compiler.bundle import Bundle, open_bundle
from dwcpc.compiler.commands.compile import Order, compile_bundle
from dwcpc.compiler.pipeline import CompileRequest
from dwcpc.compiler.targets.cpu_int8 import CPU_INT8
from dwcpc.models.evaluation.answers import Detector, bundle_score, load_detector
from dwcpc.models.evaluation.detection import DetectionEvaluation, evaluate_detection
from dwcpc.models.evaluation.grouped_classification import highest_fall
from dwcpc.models.training.folds import CONSENSUS_COLUMNS, ConsensusSizes, TestSet, cut_windows, unseen_tables
from dwcpc.models.training.run_files import read_threshold
from dwcpc.parity.defaults import DEFAULT_ROWS, DEFAULT_SEED
from dwcpc.parity.runners.go import GoRuntime

SHIPPED = Path(__file__).resolve().parents[3] / "models" / "trained" / "consensus"
MOVED_WINDOWS = 2
"""Another machine's float32 may put a window that lies at the threshold on its other side."""
MAX_FALL = 0.002
"""Of any metric, by compiling."""


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


@pytest.fixture(scope="module")
def small_bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Return the shipped model in 8 bits, under every check of cpu-int8; what computes in integers is not tried."""
    stored = dataclasses.replace(CPU_INT8, precisions=("float16 storage", "int8 storage"))
    threshold = read_threshold(SHIPPED)
    request = CompileRequest(SHIPPED / "consensus.pth", stored, SHIPPED / "consensus_scaler.json", threshold=threshold)
    order = Order(
        request,
        "consensus",
        tmp_path_factory.mktemp("dist"),
        "1.0",
        replace=False,
        calibration=SHIPPED / "calibration.npy",
        rows=DEFAULT_ROWS,
        seed=DEFAULT_SEED,
        verify=True,
        budgets=("latency_p99_ms=1000",),
    )
    return open_bundle(compile_bundle(order, lambda _: None).path)


def test_int8_passes_every_check_and_not_barely(small_bundle: Bundle) -> None:
    parity = small_bundle.metadata.parity
    assert parity is not None
    assert parity.verdict == "pass"
    steep = [each for each in parity.results if each.check == "row_noise" and each.group == "threshold"]
    assert {each.runtime for each in steep} == {"python", "go"}
    assert all(each.worst < 0.5 * each.limit for each in steep)


def test_int8_through_go_is_as_good(small_bundle: Bundle, found: DetectionEvaluation, other_nodes: TestSet) -> None:
    score = bundle_score(small_bundle, GoRuntime(), other_nodes.windows.x)
    served = evaluate_detection("other nodes", "int8", other_nodes.windows, score, read_threshold(SHIPPED))
    assert highest_fall(found.figures, served.figures)[1] <= MAX_FALL

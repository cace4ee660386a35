"""The network that ships for nodes: it is as good as its evaluation says, and so is its bundle in Go."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from dwcpc.compiler.artifact import read_artifact
from dwcpc.compiler.commands.compile import Order, compile_bundle
from dwcpc.compiler.features.reading import read_spec
from dwcpc.compiler.pipeline import CompileRequest
from dwcpc.compiler.scalers import load_scaler
from dwcpc.compiler.sources import source_of
from dwcpc.compiler.sources.base import LoadOptions, Network
from dwcpc.compiler.targets.cpu_fp32 import CPU_FP32
from dwcpc.models.data.labelled import LabelledRows, labelled_rows
from dwcpc.models.data.nodes import CAUSE, LABEL, Fleet, simulate_nodes
from dwcpc.models.data.row_windows import row_windows
from dwcpc.models.data.series_split import split_rows
from dwcpc.models.evaluation.bundle_answers import bundle_answers
from dwcpc.models.evaluation.grouped_classification import highest_fall
from dwcpc.models.training.node_artifacts import TrainingReport
from dwcpc.models.training.nodes import judge

SHIPPED = Path(__file__).resolve().parents[3] / "models" / "trained" / "node_detector"
WEIGHTS, SCALER = SHIPPED / "model.pth", SHIPPED / "scaler.json"
MIN_RECALL, MAX_FALSE_POSITIVES, MAX_FALL = 0.98, 0.05, 0.002  # what the owners ask for
EVERY = 4  # of the test's rows


@pytest.fixture(scope="module")
def evaluation() -> TrainingReport:
    return msgspec.json.decode((SHIPPED / "evaluation.json").read_bytes(), type=TrainingReport)


@pytest.fixture(scope="module")
def rows() -> LabelledRows:
    return labelled_rows(read_spec(SHIPPED / "features.json"), simulate_nodes(Fleet(seed=42)), LABEL, CAUSE)


def test_it_reaches_what_its_owners_asked_for_on_nodes_and_times_held_out(evaluation: TrainingReport) -> None:
    assert [each.judged.on for each in evaluation.served] == ["test, cpu-fp32 through Go", "test, cpu-int8 through Go"]
    for found in (evaluation.test, *(each.judged for each in evaluation.served)):
        assert found.evaluation.intervals["recall"].low >= MIN_RECALL
        assert found.evaluation.intervals["false_positive_rate"].high < MAX_FALSE_POSITIVES
    assert all(each.verdict == "pass" and each.fall <= MAX_FALL for each in evaluation.served)
    assert len(evaluation.elsewhere) == 3  # where it may do worse, and says so


def test_it_takes_what_its_specification_computes(evaluation: TrainingReport) -> None:
    assert read_spec(SHIPPED / "features.json").features == evaluation.feature_names
    assert WEIGHTS.stat().st_size == evaluation.artifact_bytes
    assert np.load(SHIPPED / "calibration.npy").shape[1:] == (60, len(evaluation.feature_names))


def test_source_and_bundle_in_go_give_the_figures_of_the_evaluation(
    evaluation: TrainingReport, rows: LabelledRows, tmp_path: Path
) -> None:
    chosen = split_rows(rows.time, rows.group, evaluation.seed).test[EVERY - 1 :: EVERY]
    windows = row_windows(rows, np.arange(len(rows.names)), 60).cut(chosen)
    artifact = read_artifact(WEIGHTS)
    network = source_of(artifact).load(artifact, LoadOptions())
    assert isinstance(network, Network)
    scores = network.predict(load_scaler(SCALER).scaler.transform(windows), "float32").astype(np.float64)
    source = judge(scores, scores >= evaluation.threshold, rows, chosen).figures
    stated = evaluation.test.evaluation.intervals
    # A quarter of the rows, and another processor's exp and log: the same figures within their own intervals.
    for name in ("recall", "false_positive_rate"):
        assert stated[name].low <= getattr(source, name) <= stated[name].high
    request = CompileRequest(WEIGHTS, CPU_FP32, SCALER, threshold=evaluation.threshold)
    order = Order(
        request, "nodes", tmp_path, "1.0", replace=False, calibration=None, rows=64, seed=1, verify=False, budgets=()
    )
    answers = bundle_answers(compile_bundle(order, lambda _: None).path, windows)
    assert highest_fall(source, judge(answers.score, answers.flagged, rows, chosen).figures)[1] <= MAX_FALL

"""The trained model that ships: it is as good as its evaluation says, and so is its bundle in Go."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from dwcpc.compiler.commands.compile import Order, compile_bundle
from dwcpc.compiler.features.reading import read_spec
from dwcpc.compiler.features.shipped import shipped_spec
from dwcpc.compiler.pipeline import CompileRequest
from dwcpc.compiler.scalers import load_scaler
from dwcpc.compiler.targets.cpu_fp32 import CPU_FP32
from dwcpc.models.data.labelled import LabelledRows, labelled_rows
from dwcpc.models.data.nodes import CAUSE, LABEL, Fleet, simulate_nodes
from dwcpc.models.data.series_split import split_rows
from dwcpc.models.evaluation.bundle_answers import bundle_answers
from dwcpc.models.evaluation.grouped_classification import highest_fall
from dwcpc.models.training.node_artifacts import TrainingReport
from dwcpc.models.training.nodes import judge

SHIPPED = Path(__file__).resolve().parents[3] / "models" / "trained" / "node_reliability"
MAX_BYTES = 4_000_000
MIN_RECALL, MAX_FALSE_POSITIVES, MAX_FALL = 0.98, 0.05, 0.002  # what the owners ask for


@pytest.fixture(scope="module")
def evaluation() -> TrainingReport:
    return msgspec.json.decode((SHIPPED / "evaluation.json").read_bytes(), type=TrainingReport)


@pytest.fixture(scope="module")
def rows() -> LabelledRows:
    table = simulate_nodes(Fleet(seed=42))
    return labelled_rows(read_spec(SHIPPED / "features.json"), table, LABEL, CAUSE)


def source_scores(x: np.ndarray) -> np.ndarray:
    """Return the probabilities that XGBoost itself gives raw rows."""
    from xgboost import Booster, DMatrix

    scaler = load_scaler(SHIPPED / "scaler.json").scaler
    scaled = scaler.transform(x)
    names = list(shipped_spec("node_reliability_123").features)
    return Booster(model_file=SHIPPED / "model.ubj").predict(DMatrix(scaled, feature_names=names)).astype(np.float64)


def test_it_is_small_and_of_the_owners_size(evaluation: TrainingReport) -> None:
    assert sum(file.stat().st_size for file in SHIPPED.iterdir()) < MAX_BYTES
    assert (SHIPPED / evaluation.artifact).stat().st_size == evaluation.artifact_bytes
    assert evaluation.hyperparameters["n_estimators"] == 300
    assert evaluation.hyperparameters["max_depth"] == 8
    assert evaluation.feature_names == shipped_spec("node_reliability_123").features


def test_it_reaches_what_its_owners_asked_for_on_nodes_and_times_held_out(evaluation: TrainingReport) -> None:
    (served,) = evaluation.served
    for found in (evaluation.test, served.judged):
        assert found.evaluation.figures.recall >= MIN_RECALL
        assert found.evaluation.intervals["false_positive_rate"].high < MAX_FALSE_POSITIVES
    assert served.fall <= MAX_FALL
    assert len(evaluation.elsewhere) == 3  # where it may do worse, and says so


def test_source_and_bundle_in_go_give_the_figures_of_the_evaluation(
    evaluation: TrainingReport, rows: LabelledRows, tmp_path: Path
) -> None:
    chosen = split_rows(rows.time, rows.group, evaluation.seed).test
    x = rows.x[chosen]
    scores = source_scores(x)
    source = judge(scores, scores >= evaluation.threshold, rows, chosen).figures
    stated = evaluation.test.evaluation.intervals
    # Another processor's exp and log may draw other counts: the same figures within their own intervals.
    for name in ("recall", "false_positive_rate"):
        assert stated[name].low <= getattr(source, name) <= stated[name].high
    request = CompileRequest(SHIPPED / "model.ubj", CPU_FP32, SHIPPED / "scaler.json", threshold=evaluation.threshold)
    order = Order(
        request, "nodes", tmp_path, "1.0", replace=False, calibration=None, rows=64, seed=1, verify=False, budgets=()
    )
    bundle = compile_bundle(order, lambda _: None).path
    answers = bundle_answers(bundle, x)
    assert highest_fall(source, judge(answers.score, answers.flagged, rows, chosen).figures)[1] <= MAX_FALL

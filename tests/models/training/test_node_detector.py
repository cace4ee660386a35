"""The network that sees windows of a node: what it learns, and what it has no part of."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from dwcpc.compiler.features.shipped import shipped_spec
from dwcpc.models.conv_lstm_detector import ConvLstmDetector, ConvLstmDetectorConfig
from dwcpc.models.data.labelled import LabelledRows, labelled_rows
from dwcpc.models.data.nodes import CAUSE, LABEL, Fleet, simulate_nodes
from dwcpc.models.data.row_windows import ending_windows
from dwcpc.models.data.series_split import Split, split_rows
from dwcpc.models.evaluation.classification import detection_figures
from dwcpc.models.training.node_detector import CrossEntropy, DetectorRecipe, FittedDetector, train_detector
from dwcpc.models.training.node_model import TrainedNodes
from dwcpc.models.training.options import FitOptions

STEPS = 16
SMALL = DetectorRecipe(timesteps=STEPS, fit=FitOptions(epochs=3, batch_rows=64, learning_rate=8e-3))


@pytest.fixture(scope="module")
def rows() -> LabelledRows:
    table = simulate_nodes(Fleet(nodes=24, samples=400, seed=3))
    return labelled_rows(shipped_spec("node_reliability_123"), table, LABEL, CAUSE)


@pytest.fixture(scope="module")
def split(rows: LabelledRows) -> Split:
    return ending_windows(split_rows(rows.time, rows.group, 1), rows, STEPS)


@pytest.fixture(scope="module")
def trained(rows: LabelledRows, split: Split, tmp_path_factory: pytest.TempPathFactory) -> TrainedNodes:
    return train_detector(rows, split, SMALL, tmp_path_factory.mktemp("run"))


def area(trained: TrainedNodes, rows: LabelledRows, split: Split) -> float:
    scores = trained.model.suspicion(rows, split.test)
    return detection_figures(rows.label[split.test], scores, trained.threshold).roc_auc


def test_a_small_network_tells_incidents_on_nodes_it_never_saw(
    trained: TrainedNodes, rows: LabelledRows, split: Split
) -> None:
    assert area(trained, rows, split) > 0.9


def test_shuffled_labels_teach_nothing(rows: LabelledRows, split: Split, tmp_path: Path) -> None:
    label = rows.label.copy()
    label[split.train] = np.random.default_rng(0).permutation(label[split.train])
    taught = train_detector(dataclasses.replace(rows, label=label), split, SMALL, tmp_path)
    assert area(taught, rows, split) < 0.8


def test_the_test_rows_have_no_part_in_training_and_the_seed_gives_the_same_model(
    trained: TrainedNodes, rows: LabelledRows, split: Split, tmp_path: Path
) -> None:
    x, label = rows.x.copy(), rows.label.copy()
    x[split.test] *= 3
    label[split.test] = ~label[split.test]
    again = train_detector(dataclasses.replace(rows, x=x, label=label), split, SMALL, tmp_path)
    chosen = split.validation
    assert again.threshold == trained.threshold
    assert np.array_equal(again.model.suspicion(rows, chosen), trained.model.suspicion(rows, chosen))


def test_the_threshold_keeps_its_limit_on_validation_rows(
    trained: TrainedNodes, rows: LabelledRows, split: Split
) -> None:
    normal = split.validation[~rows.label[split.validation]]
    share = (trained.model.suspicion(rows, normal) >= trained.threshold).mean()
    assert 0 < share <= SMALL.false_positives


def test_it_takes_the_features_that_read_one_sample_alone(trained: TrainedNodes, rows: LabelledRows) -> None:
    raw = {column.name for column in rows.spec.columns if not column.is_category}
    assert raw <= set(trained.spec.features)
    assert trained.spec.lookback == 0
    assert not any("rolling" in name or "rate_of_change" in name for name in trained.spec.features)


def test_its_inputs_are_raw_windows_that_give_the_suspicion(
    trained: TrainedNodes, rows: LabelledRows, split: Split
) -> None:
    assert isinstance(trained.model, FittedDetector)
    windows = trained.model.inputs(rows, split.test)
    assert windows.shape == (len(split.test), STEPS, len(trained.spec.features))
    scaled = (windows - trained.scaler.center_) / trained.scaler.scale_
    with torch.no_grad():
        answers = trained.model.module.double()(torch.from_numpy(scaled)).numpy()
    trained.model.module.float()
    np.testing.assert_allclose(answers, trained.model.suspicion(rows, split.test), rtol=2e-5, atol=1e-12)


def test_the_loss_is_the_cross_entropy_of_what_the_network_answers() -> None:
    torch.manual_seed(0)
    module = ConvLstmDetector(ConvLstmDetectorConfig(timesteps=5, features=3)).double().eval()
    x, y = torch.randn(6, 5, 3, dtype=torch.float64), torch.tensor([1.0, 0, 0, 1, 0, 0], dtype=torch.float64)
    with torch.no_grad():
        p = module(x)
        expected = -(y * p.log() + (1 - y) * (1 - p).log()).mean()
        assert float(CrossEntropy(0.0)(module, x, y)) == pytest.approx(float(expected), rel=1e-12)


def test_an_ever_surer_answer_stays_a_number() -> None:
    module = ConvLstmDetector(ConvLstmDetectorConfig(timesteps=5, features=3)).eval()
    with torch.no_grad():
        module.output_fc.weight.zero_()
        for bias, answer in ((-200.0, 0.0), (200.0, 1.0)):
            module.output_fc.bias.fill_(bias)
            assert float(module(torch.zeros(1, 5, 3))) == answer

"""The files that ship beside `train.py`, and that the page about them is true."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from dwcpc.models.demo.report import Detection
from dwcpc.models.demo.simulate import METRICS, normal_windows
from dwcpc.models.demo.train import SEED, THRESHOLD_QUANTILE, fit, fit_scaler, scaled, scores, simulate
from dwcpc.models.inference import infer

DEMO = Path(__file__).resolve().parents[3] / "models" / "demo"

LARGEST_SIZE_BYTES = 1_000_000
RELATIVE_TOLERANCE = 1e-4
"""Another CPU sums in another order; another draw of validation windows moves the threshold by far more."""


@pytest.fixture(scope="module")
def module():
    state = torch.load(DEMO / "consensus_demo.pth", weights_only=True)
    match = infer({key: tuple(value.shape) for key, value in state.items()})
    assert match.architecture.name == "bilstm_attention_autoencoder"
    module = match.architecture.build(match.config)
    module.load_state_dict(state)
    return module


@pytest.fixture(scope="module")
def windows():
    return simulate(SEED)


@pytest.fixture(scope="module")
def scaler(windows):
    return fit_scaler(windows.train)


@pytest.fixture(scope="module")
def threshold():
    return float((DEMO / "threshold.txt").read_text())


def test_all_files_together_are_small():
    assert sum(path.stat().st_size for path in DEMO.iterdir() if path.is_file()) < LARGEST_SIZE_BYTES


def test_the_scaler_file_holds_the_scaler_of_the_training_windows(scaler):
    written = json.loads((DEMO / "consensus_demo_scaler.json").read_text())
    assert written["type"] == "RobustScaler"
    assert written["feature_names"] == [metric.name for metric in METRICS]
    np.testing.assert_allclose(written["center"], scaler.center_, rtol=RELATIVE_TOLERANCE)
    np.testing.assert_allclose(written["scale"], scaler.scale_, rtol=RELATIVE_TOLERANCE)


def test_the_threshold_is_the_quantile_of_validation_scores(module, scaler, windows, threshold):
    def quantile(x):
        return np.quantile(scores(module, scaled(scaler, x)), THRESHOLD_QUANTILE)

    assert threshold == pytest.approx(quantile(windows.validation), rel=RELATIVE_TOLERANCE)
    others = normal_windows(len(windows.validation), seed=SEED + 100)
    assert threshold != pytest.approx(quantile(others), rel=RELATIVE_TOLERANCE)


def test_the_page_states_what_the_model_detects(module, scaler, windows, threshold):
    found = Detection.count(
        scores(module, scaled(scaler, windows.test_normal)) > threshold,
        scores(module, scaled(scaler, windows.test_faulty)) > threshold,
    )
    rows = (DEMO / "README.md").read_text().splitlines()
    assert f"| normal, not flagged / flagged | {found.true_negatives} / {found.false_positives} |" in rows
    assert f"| faulty, missed / found | {found.false_negatives} / {found.true_positives} |" in rows


def test_calibration_windows_lie_on_both_sides_of_the_threshold(module, scaler, threshold):
    calibration = np.load(DEMO / "calibration.npy", allow_pickle=False)
    assert calibration.shape == (256, 30, 12)
    assert calibration.dtype == np.float32
    flagged = scores(module, scaled(scaler, calibration)) > threshold
    assert 0.05 < flagged.mean() < 0.5


def test_training_is_told_by_the_seed_alone(scaler, windows):
    x = scaled(scaler, windows.train[:256])
    first, again, other = (fit(x, seed=seed, epochs=1)[0].state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(first["output_fc.weight"], other["output_fc.weight"])

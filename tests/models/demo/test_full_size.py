"""Full-size models, made small: that they are whole, told by their seed, and load as what they are."""

import json

import numpy as np
import pytest
import torch

from dwcpc.models.bandwidth_predictor import BandwidthPredictorConfig
from dwcpc.models.demo import full_size
from dwcpc.models.demo.fitting import Schedule
from dwcpc.models.demo.full_size import Sizes, make_autoencoder, make_predictor
from dwcpc.models.inference import infer
from dwcpc.models.lstm_attention_autoencoder import LstmAttentionAutoencoderConfig

AUTOENCODER = LstmAttentionAutoencoderConfig(30, 12, 8, 6, 4, 4, 4, 4, 6, 8)
PREDICTOR = BandwidthPredictorConfig(30, 45, 16, 16, 16, 8, 16, 16, 16)
RANDOM = Sizes(64, 64, 40, 48, None)
TRAINED = Sizes(64, 64, 40, 48, Schedule(epochs=2, batch_rows=32, learning_rate=1e-2))
LEARNT = Sizes(512, 256, 40, 48, Schedule(epochs=14, batch_rows=32, learning_rate=1e-2))

MAKERS = [
    (make_autoencoder, AUTOENCODER, "lstm_attention_autoencoder"),
    (make_predictor, PREDICTOR, "bandwidth_predictor"),
]


def made(folder, maker, config, sizes, seed=1):
    folder.mkdir()
    return maker(folder, sizes, seed=seed, config=config)


@pytest.mark.parametrize("sizes", [RANDOM, TRAINED])
@pytest.mark.parametrize(("maker", "config", "name"), MAKERS)
def test_files_are_told_by_the_seed_alone(maker, config, name, sizes, tmp_path):
    first = made(tmp_path / "first", maker, config, sizes)
    assert made(tmp_path / "again", maker, config, sizes) == first
    made(tmp_path / "other", maker, config, sizes, seed=20)
    files = {path.name for path in (tmp_path / "first").iterdir()}
    assert full_size.MODEL in files
    for file in files - {full_size.MODEL}:
        contents = [(tmp_path / folder / file).read_bytes() for folder in ("first", "again", "other")]
        assert contents[0] == contents[1] != contents[2]
    states = [torch.load(tmp_path / folder / full_size.MODEL, weights_only=True) for folder in ("first", "again")]
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
    assert infer({key: tuple(value.shape) for key, value in states[0].items()}).architecture.name == name


@pytest.mark.parametrize(("maker", "config", "name"), MAKERS)
def test_rows_of_calibration_and_evaluation_are_not_the_same(maker, config, name, tmp_path):
    made(tmp_path / "made", maker, config, RANDOM)
    calibration, evaluation = (
        np.load(tmp_path / "made" / file) for file in (full_size.CALIBRATION, full_size.EVALUATION)
    )
    assert (len(calibration), len(evaluation)) == (40, 48)
    assert calibration.dtype == evaluation.dtype == np.float32
    assert not {row.tobytes() for row in calibration} & {row.tobytes() for row in evaluation}


@pytest.mark.parametrize(("maker", "config", "name"), MAKERS)
def test_training_learns_and_random_weights_have_not(maker, config, name, tmp_path):
    trained, random = (made(tmp_path / str(n), maker, config, sizes) for n, sizes in enumerate((LEARNT, RANDOM)))
    assert trained.validation_loss < 0.9 * trained.idle_loss
    assert random.validation_loss > 0.9 * random.idle_loss


def test_the_defaults_are_the_full_sizes(tmp_path):
    make_predictor(tmp_path, RANDOM, seed=1)
    state = torch.load(tmp_path / full_size.MODEL, weights_only=True)
    assert infer({key: tuple(value.shape) for key, value in state.items()}).config == BandwidthPredictorConfig()


def test_a_threshold_belongs_to_autoencoders_and_a_target_scaler_to_regressors(tmp_path):
    autoencoder = made(tmp_path / "autoencoder", make_autoencoder, AUTOENCODER, RANDOM)
    predictor = made(tmp_path / "predictor", make_predictor, PREDICTOR, RANDOM)
    assert autoencoder.threshold is not None
    assert predictor.threshold is None
    assert not (tmp_path / "autoencoder" / full_size.TARGET_SCALER).exists()
    target_scaler = json.loads((tmp_path / "predictor" / full_size.TARGET_SCALER).read_text())
    assert len(target_scaler["center"]) == 4

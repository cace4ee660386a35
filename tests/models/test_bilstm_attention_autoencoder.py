from pathlib import Path

import numpy as np
import pytest
import torch

from dwcpc.models.bilstm_attention_autoencoder import (
    BILSTM_ATTENTION_AUTOENCODER,
    BilstmAttentionAutoencoderConfig,
)
from dwcpc.models.inference import infer

REAL = Path(__file__).resolve().parents[3] / "shared" / "real" / "consensus_latency"

TOLERANCE_F64 = 1e-12
TOLERANCE_F32 = 2e-5
"""Two orders of summation in float32; the artifact's own float32 and float64 outputs differ by 4.9e-5."""

needs_real = pytest.mark.skipif(not REAL.is_dir(), reason="the owners' artifact in ../shared/real is absent")


@pytest.fixture(scope="module")
def state():
    return torch.load(REAL / "consensus_latency_autoencoder.pth", weights_only=True)


@pytest.fixture(scope="module")
def expected():
    with np.load(REAL / "expected.npz") as arrays:
        return dict(arrays)


def largest_difference(state, x, y):
    module = BILSTM_ATTENTION_AUTOENCODER.build(BilstmAttentionAutoencoderConfig())
    module.load_state_dict(state, strict=True)
    with torch.no_grad():
        got = module.to(torch.from_numpy(y).dtype)(torch.from_numpy(x.astype(y.dtype)))
    return np.abs(got.numpy() - y).max()


def perturbed(state, by):
    changed = dict(state)
    changed["encoder_lstm1.weight_hh_l0"] = state["encoder_lstm1.weight_hh_l0"] * (1 + by)
    return changed


@needs_real
def test_the_real_weights_are_told_by_their_shapes(state):
    match = infer({key: tuple(value.shape) for key, value in state.items()})
    assert match.architecture is BILSTM_ATTENTION_AUTOENCODER
    assert match.config == BilstmAttentionAutoencoderConfig()
    assert match.timesteps_source == "weights"


@needs_real
def test_the_real_weights_give_the_expected_outputs_in_float64(state, expected):
    assert largest_difference(state, expected["x"], expected["y_f64"]) <= TOLERANCE_F64


@needs_real
def test_the_real_weights_give_the_expected_outputs_in_float32(state, expected):
    assert largest_difference(state, expected["x"], expected["y_f32"]) <= TOLERANCE_F32


@needs_real
def test_slightly_other_weights_fail_both_comparisons(state, expected):
    assert largest_difference(perturbed(state, 1e-6), expected["x"], expected["y_f64"]) > TOLERANCE_F64
    assert largest_difference(perturbed(state, 1e-3), expected["x"], expected["y_f32"]) > TOLERANCE_F32


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_reconstructs_in_the_shape_of_the_input(batch):
    config = BilstmAttentionAutoencoderConfig(timesteps=10, features=6)
    with torch.no_grad():
        y = BILSTM_ATTENTION_AUTOENCODER.build(config)(torch.zeros(batch, 10, 6))
    assert y.shape == (batch, 10, 6)

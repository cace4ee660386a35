"""Each architecture against its formula written in numpy, gate by gate, in float64."""

import numpy as np
import pytest
import torch

from dwcpc.models.bandwidth_predictor import BANDWIDTH_PREDICTOR, BandwidthPredictorConfig
from dwcpc.models.bilstm_attention_autoencoder import (
    BILSTM_ATTENTION_AUTOENCODER,
    BilstmAttentionAutoencoderConfig,
)
from dwcpc.models.conv_lstm_detector import CONV_LSTM_DETECTOR, ConvLstmDetectorConfig
from dwcpc.models.lstm_attention_autoencoder import LSTM_ATTENTION_AUTOENCODER, LstmAttentionAutoencoderConfig

BATCH_NORM_EPSILON = 1e-5
TOLERANCE = 1e-13
"""Above float64's rounding of some hundred additions, far below any wrong formula."""


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm(w, name, x, suffix=""):
    """One direction; torch's order of gates is input, forget, cell, output."""
    w_x, w_h = w[f"{name}.weight_ih_l0{suffix}"], w[f"{name}.weight_hh_l0{suffix}"]
    b = w[f"{name}.bias_ih_l0{suffix}"] + w[f"{name}.bias_hh_l0{suffix}"]
    units = w_h.shape[1]
    h = c = np.zeros((len(x), units))
    outputs = []
    for t in range(x.shape[1]):
        i, f, g, o = np.split(x[:, t] @ w_x.T + h @ w_h.T + b, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        outputs.append(h)
    return np.stack(outputs, axis=1)


def bilstm(w, name, x):
    backward = lstm(w, name, x[:, ::-1], "_reverse")[:, ::-1]
    return np.concatenate([lstm(w, name, x), backward], axis=2)


def batch_norm(w, name, x, axis):
    shape = [1, 1, 1]
    shape[axis] = -1
    gamma, beta, mean, var = (
        w[f"{name}.{part}"].reshape(shape) for part in ("weight", "bias", "running_mean", "running_var")
    )
    return gamma * (x - mean) / np.sqrt(var + BATCH_NORM_EPSILON) + beta


def linear(w, name, x):
    return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]


def attention(w, h):
    e = linear(w, "attention.attention.2", np.tanh(linear(w, "attention.attention.0", h)))
    a = np.exp(e) / np.exp(e).sum(axis=1, keepdims=True)
    return (a * h).sum(axis=1)


def repeated(z, timesteps):
    return np.repeat(z[:, None], timesteps, axis=1)


def relu(x):
    return np.maximum(x, 0)


def bilstm_attention_autoencoder(w, x):
    h = batch_norm(w, "encoder_bn1", bilstm(w, "encoder_lstm1", x), axis=1)
    h = batch_norm(w, "encoder_bn2", bilstm(w, "encoder_lstm2", h), axis=1)
    z = linear(w, "encoder_fc", attention(w, h))
    d = repeated(linear(w, "decoder_fc", z), x.shape[1])
    d = batch_norm(w, "decoder_bn1", bilstm(w, "decoder_lstm1", d), axis=1)
    d = batch_norm(w, "decoder_bn2", bilstm(w, "decoder_lstm2", d), axis=1)
    return linear(w, "output_fc", d)


def lstm_attention_autoencoder(w, x):
    h = x
    for i in "123":
        h = batch_norm(w, f"encoder_bn{i}", lstm(w, f"encoder_lstm{i}", h), axis=2)
    d = repeated(linear(w, "encoder_fc", attention(w, h)), x.shape[1])
    for i in "123":
        d = batch_norm(w, f"decoder_bn{i}", lstm(w, f"decoder_lstm{i}", d), axis=2)
    return linear(w, "output_fc", d)


def bandwidth_predictor(w, x):
    h = x
    for i in "123":
        h = batch_norm(w, f"bn{i}", lstm(w, f"lstm{i}", h), axis=2)
    p = attention(w, h)
    u = relu(linear(w, "dense2", relu(linear(w, "dense1", p))) + linear(w, "skip", p))
    return linear(w, "output_fc", relu(linear(w, "dense3", u)))


def convolution(w, name, x):
    """The same number of steps: before the first and behind the last there are zeros."""
    weight = w[f"{name}.weight"]  # [out, in, 3]
    padded = np.pad(x, ((0, 0), (1, 1), (0, 0)))
    steps = [padded[:, at : at + x.shape[1]] @ weight[:, :, at].T for at in range(3)]
    return sum(steps) + w[f"{name}.bias"]


def conv_lstm_detector(w, x):
    s = np.sign(x) * np.log(1 + np.abs(x))
    c = relu(convolution(w, "conv2", relu(convolution(w, "conv1", s))))
    h = lstm(w, "lstm", c + w["position"])
    return sigmoid(linear(w, "output_fc", relu(linear(w, "dense", attention(w, h)))))[:, 0]


def bandwidth_predictor_with_bypass(w, x):
    return bandwidth_predictor(w, x) + linear(w, "bypass", x.reshape(len(x), -1))


CASES = [
    (
        BILSTM_ATTENTION_AUTOENCODER,
        BilstmAttentionAutoencoderConfig(5, 6, 4, 3, 7, 2, 5, 3, 4),
        bilstm_attention_autoencoder,
    ),
    (
        LSTM_ATTENTION_AUTOENCODER,
        LstmAttentionAutoencoderConfig(5, 6, 7, 4, 3, 5, 2, 3, 4, 7),
        lstm_attention_autoencoder,
    ),
    (BANDWIDTH_PREDICTOR, BandwidthPredictorConfig(5, 6, 7, 5, 4, 3, 6, 5, 3), bandwidth_predictor),
    (CONV_LSTM_DETECTOR, ConvLstmDetectorConfig(5, 6, 7, 9, 6, 3, 4), conv_lstm_detector),
    (
        BANDWIDTH_PREDICTOR,
        BandwidthPredictorConfig(5, 6, 7, 5, 4, 3, 6, 5, 3, bypass=1),
        bandwidth_predictor_with_bypass,
    ),
]


def largest_difference(module, formula, config, changed=None):
    """Return max |Δ| over three windows; `changed` names a weight of which the formula gets one entry 1e-6 off."""
    x = np.random.default_rng(5).standard_normal((3, config.timesteps, config.features))
    w = {key: value.numpy().copy() for key, value in module.state_dict().items()}
    if changed is not None:
        w[changed].flat[0] += 1e-6
    with torch.no_grad():
        y = module(torch.from_numpy(x)).numpy()
    return np.abs(y - formula(w, x)).max()


@pytest.fixture
def module(architecture, config, randomised):
    return randomised(architecture.build(config).double(), 3)


@pytest.mark.parametrize(("architecture", "config", "formula"), CASES, ids=lambda v: getattr(v, "name", ""))
def test_equals_the_formula_in_numpy(module, config, formula):
    assert largest_difference(module, formula, config) <= TOLERANCE


@pytest.mark.parametrize(("architecture", "config", "formula"), CASES, ids=lambda v: getattr(v, "name", ""))
def test_the_comparison_sees_a_millionth_in_any_batch_norm_lstm_or_dense_layer(module, config, formula):
    hidden = [
        key
        for key in module.state_dict()
        if key.endswith(
            (
                *("bias_ih_l0", "running_mean", "_fc.bias", "skip.bias", "bypass.bias", "bypass.weight"),
                *("conv1.bias", "conv2.bias", "position"),
            )
        )
    ]
    assert len(hidden) > 4
    unseen = [key for key in hidden if largest_difference(module, formula, config, key) <= TOLERANCE]
    assert unseen == []

"""The three architectures: fewer nodes than onnxsim leaves, the same numbers, the same bits at every batch size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from dwcpc.compiler.artifact import read_artifact
from dwcpc.compiler.passes import run_passes
from dwcpc.compiler.passes.simplify import Simplify
from dwcpc.compiler.sources import source_of
from dwcpc.compiler.sources.base import NETWORK_INPUT, LoadOptions, NetworkSpec
from dwcpc.compiler.sources.pytorch.network import TorchNetwork
from dwcpc.compiler.sources.pytorch.precision import widened_module
from dwcpc.models.bandwidth_predictor import BANDWIDTH_PREDICTOR, BandwidthPredictorConfig
from dwcpc.models.bilstm_attention_autoencoder import (
    BILSTM_ATTENTION_AUTOENCODER,
    BilstmAttentionAutoencoderConfig,
)
from dwcpc.models.lstm_attention_autoencoder import LSTM_ATTENTION_AUTOENCODER, LstmAttentionAutoencoderConfig
from dwcpc.parity.invariance import bits_differ

pytestmark = pytest.mark.usefixtures("one_thread")

REAL = Path(__file__).resolve().parents[3] / ".." / "shared" / "real" / "consensus_latency"
OPSET = 20
ROUNDING = 5e-6
"""Absolute, on outputs of about 1: a few float32 sums in another order, through up to six recurrent layers."""

EXPECTED = {  # nodes that the exporter writes, that onnxsim leaves, that all passes leave
    "bilstm_attention_autoencoder": (89, 42, 31),
    "lstm_attention_autoencoder": (120, 49, 27),
    "bandwidth_predictor": (67, 36, 25),
    "bandwidth_predictor with its bypass": (70, 39, 28),
}
CASES = {
    "bilstm_attention_autoencoder": (
        BILSTM_ATTENTION_AUTOENCODER,
        BilstmAttentionAutoencoderConfig(10, 6, 8, 6, 5, 4, 12, 6, 8),
    ),
    "lstm_attention_autoencoder": (
        LSTM_ATTENTION_AUTOENCODER,
        LstmAttentionAutoencoderConfig(10, 6, 8, 6, 5, 4, 3, 5, 6, 8),
    ),
    "bandwidth_predictor": (BANDWIDTH_PREDICTOR, BandwidthPredictorConfig(10, 6, 8, 6, 5, 4, 7, 6, 5)),
    "bandwidth_predictor with its bypass": (
        BANDWIDTH_PREDICTOR,
        BandwidthPredictorConfig(10, 6, 8, 6, 5, 4, 7, 6, 5, bypass=1),
    ),
}


@pytest.fixture(scope="module", params=EXPECTED)
def exported(request, randomised):
    """Return an architecture's name and its exported graph, with statistics that are not trivial."""
    architecture, config = CASES[request.param]
    module = randomised(architecture.build(config), 3)
    spec = NetworkSpec(
        framework="pytorch",
        framework_version="",
        kind="state_dict",
        model_type=architecture.model_type,
        task=architecture.task,
        input_shape=(config.timesteps, config.features),
        output_shape=(config.timesteps, config.features) if architecture.task == "autoencoder" else (4,),
    )
    return request.param, TorchNetwork(module, widened_module(module), spec).export(OPSET)


def rows_for(model, count=32):
    sizes = [size.dim_value for size in model.graph.input[0].type.tensor_type.shape.dim][1:]
    return np.random.default_rng(4).normal(size=(count, *sizes)).astype(np.float32)


def named(model):
    return [node.name for node in model.graph.node if node.op_type in ("LSTM", "Gemm", "MatMul")]


def test_passes_leave_fewer_nodes_than_onnxsim_and_the_names_of_the_layers(exported):
    name, model = exported
    simplified = run_passes(model, (Simplify(),))[0]
    ours = run_passes(model)[0]
    counts = tuple(len(each.graph.node) for each in (model, simplified, ours))
    assert counts == EXPECTED[name]
    assert set(named(ours)) <= set(named(simplified))
    assert len(named(simplified)) - len(named(ours)) == (name == "bilstm_attention_autoencoder")  # decoder_fc is folded


def test_no_pass_adds_a_node_and_the_second_round_changes_nothing(exported):
    _, model = exported
    records = run_passes(model)[1]
    counts = [len(model.graph.node), *(record.nodes for record in records)]
    assert counts == sorted(counts, reverse=True)
    assert len({record.name for record in records}) == len(records)


def test_batch_norms_over_channels_are_gone_and_those_over_time_say_why_not(exported):
    name, model = exported
    ours, records = run_passes(model)
    norms = [node.name for node in ours.graph.node if node.op_type == "BatchNormalization"]
    refused = next(record.refused for record in records if record.name == "fold_batch_norm")
    over_time = name == "bilstm_attention_autoencoder"
    assert (len(norms), len(refused)) == ((2, 4) if over_time else (0, 0))


def test_the_rewritten_model_gives_the_same_numbers(exported, run):
    _, model = exported
    ours = run_passes(model)[0]
    x = rows_for(model)
    before, after = run(model, **{NETWORK_INPUT: x})[0], run(ours, **{NETWORK_INPUT: x})[0]
    assert np.abs(after - before).max() < ROUNDING
    spoiled = onnx.ModelProto()
    spoiled.CopyFrom(ours)
    bias = next(each for each in spoiled.graph.initializer if each.name == "output_fc.bias" or "_folded_B" in each.name)
    bias.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(bias) + np.float32(1e-3), bias.name))
    assert np.abs(run(spoiled, **{NETWORK_INPUT: x})[0] - before).max() > ROUNDING


@pytest.mark.parametrize("batch", [2, 7, 32])
def test_rows_have_the_same_bits_at_every_batch_size(exported, run, batch):
    _, model = exported
    ours = run_passes(model)[0]
    x = rows_for(model)
    alone = np.concatenate([run(ours, **{NETWORK_INPUT: x[row : row + 1]})[0] for row in range(len(x))])
    together = [run(ours, **{NETWORK_INPUT: x[at : at + batch]})[0] for at in range(0, len(x), batch)]
    assert not bits_differ(np.concatenate(together), alone).any()


@pytest.mark.skipif(not REAL.is_dir(), reason="the owners' artifact in ../shared/real is absent")
def test_the_real_autoencoder_has_a_quarter_fewer_nodes_than_onnxsim_leaves_and_the_same_numbers(run):
    artifact = read_artifact(REAL / "consensus_latency_autoencoder.pth")
    model = source_of(artifact).load(artifact, LoadOptions()).export(OPSET)
    ours = run_passes(model)[0]
    assert (len(model.graph.node), len(ours.graph.node)) == (89, 31)
    x = rows_for(model)
    before, after = run(model, **{NETWORK_INPUT: x})[0], run(ours, **{NETWORK_INPUT: x})[0]
    assert np.abs(after - before).max() < 2 * ROUNDING

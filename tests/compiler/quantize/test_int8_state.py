"""An LSTM that unfolds one vector: its input's product once, in float32, its state in integers."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from dwcpc.compiler.quantize.distill import is_integer
from dwcpc.compiler.quantize.int8_lstm import Int8Lstm
from dwcpc.compiler.quantize.int8_state import Int8State
from dwcpc.compiler.quantize.layers import layers_of, record_activations, with_proposals
from dwcpc.compiler.quantize.saturation import PAIR_LIMIT, largest_pair

STATE, INPUT = Int8State(), Int8Lstm(residual=True)
DIRECTIONS = ["forward", "reverse", "bidirectional"]
STEPS, CODE, CHANNELS, UNITS = 12, 6, 20, 16
DECODER = """
    decoder (float[B,{code}] network_input) => (float[B,{steps},{outputs}] network_output)
    <int64[3] times = {{{steps}, 1, 1}}, int64[3] by_step = {{0, 0, -1}}>
    {{
        code = Gemm <transB = 1> (network_input, F, f)
        steps = Expand (code, times)
        y = LSTM <hidden_size = {units}, direction = "{direction}"> (steps, W, R, B)
        by_row = Transpose <perm = [2, 0, 1, 3]> (y)
        network_output = Reshape (by_row, by_step)
    }}"""


@pytest.fixture(scope="session")
def decoder(networks):
    """Return `decoder(direction)`: a network whose LSTM unfolds a vector, and `rows(count, seed)`."""

    def build(direction="forward", seed=0, state=1.0):
        rng = np.random.default_rng(seed)
        ways = 2 if direction == "bidirectional" else 1
        text = DECODER.format(code=CODE, steps=STEPS, units=UNITS, outputs=ways * UNITS, direction=direction)
        weights = {
            "F": rng.normal(size=(CHANNELS, CODE)),
            "f": rng.normal(size=CHANNELS),
            "W": rng.uniform(-1, 1, size=(ways, 4 * UNITS, CHANNELS)) / CHANNELS**0.5,
            "R": state * rng.uniform(-1, 1, size=(ways, 4 * UNITS, UNITS)) / UNITS**0.5,
            "B": rng.uniform(-0.3, 0.3, size=(ways, 8 * UNITS)),
        }
        network = onnx.shape_inference.infer_shapes(networks.finished(text, weights))
        next(node for node in network.graph.node if node.op_type == "LSTM").name = "layer"
        return network, lambda count, seed=1: np.random.default_rng(seed).normal(size=(count, CODE)).astype(np.float32)

    return build


@pytest.fixture(scope="session")
def reduced():
    """Return `reduced(technique, network, x)`: the LSTM's proposal, and the network with it for single rows."""

    def reduce(technique, network, x):
        layer = next(each for each in layers_of(network) if each.op == "LSTM")
        proposal = technique.propose(layer, record_activations(network, [layer], x)[layer.name])
        return proposal, network if isinstance(proposal, str) else with_proposals(network, {layer.name: proposal})

    return reduce


def one_by_one(run, model, x):
    return np.concatenate([run(model, x[row : row + 1]) for row in range(len(x))])


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_the_rounding_of_the_state_is_all_that_is_left(direction, decoder, reduced, run, decibels) -> None:
    """Where the state hardly counts, the input's product has all its bits."""
    network, rows = decoder(direction)
    silent, _ = decoder(direction, state=1e-3)
    x = rows(64, seed=2)
    for model, least in ((network, 36), (silent, 75)):
        _, quick = reduced(STATE, model, rows(256))
        assert decibels(run(model, x), one_by_one(run, quick, x)) > least


def test_another_bias_would_be_seen(decoder, reduced, run, decibels) -> None:
    network, rows = decoder()
    x = rows(64, seed=2)
    _, quick = reduced(STATE, network, rows(256))
    bias = next(each for each in quick.graph.initializer if each.name == "layer/B_once")
    bias.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(bias) + np.float32(0.05), bias.name))
    assert decibels(run(network, x), one_by_one(run, quick, x)) < 36


def test_nothing_is_left_of_the_repetition(decoder, reduced) -> None:
    network, rows = decoder()
    proposal, _ = reduced(STATE, network, rows(64))
    operators = [node.op_type for node in proposal.graph.node]
    assert operators == ["Cast", "Mul", "Gemm", "Reshape", "Concat", "DynamicQuantizeLSTM"]
    assert proposal.couples_rows
    assert proposal.graph.node[2].input[0] == "code"


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_no_pair_of_weights_saturates(direction, decoder, reduced) -> None:
    network, rows = decoder(direction)
    proposal, _ = reduced(STATE, network, rows(64))
    whole = {each.name: numpy_helper.to_array(each) for each in proposal.graph.initializer}
    assert largest_pair(whole["layer/R_int8"]) <= PAIR_LIMIT
    assert not whole["layer/W_int8"].any()


def test_it_is_not_trained(decoder, reduced) -> None:
    network, rows = decoder()
    assert not is_integer(reduced(STATE, network, rows(64))[0])


def test_an_input_that_changes_is_refused(networks, proposed) -> None:
    network, rows = networks.recurrent()
    reason, _ = proposed(STATE, network, rows(8))
    assert reason == "its input is not one vector, repeated at every step"


def test_the_input_of_one_that_unfolds_is_not_made_integers(decoder, reduced) -> None:
    network, rows = decoder()
    reason, _ = reduced(INPUT, network, rows(8))
    assert "int8 state" in reason

"""The integer LSTM against its arithmetic in numpy, against the float one, and against onnxruntime's own recipe."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from onnxruntime.quantization import quantize_dynamic

from dwcpc.compiler.quantize.int8_lstm import Int8Lstm
from dwcpc.compiler.quantize.layers import layers_of, record_activations
from dwcpc.compiler.quantize.saturation import PAIR_LIMIT, largest_pair

PLAIN, RESIDUAL = Int8Lstm(residual=False), Int8Lstm(residual=True)
BOTH = pytest.mark.parametrize("technique", [PLAIN, RESIDUAL], ids=["plain", "residual"])
DIRECTIONS = ["forward", "reverse", "bidirectional"]


def quantised(x):
    """Return x − zero point in whole steps, and the step, as onnxruntime's dynamic quantisation finds them."""
    low, high = np.minimum(x.min(), np.float32(0)), np.maximum(x.max(), np.float32(0))
    step = (high - low) / np.float32(255) if high > low else np.float32(1)
    zero = np.round(np.clip(-low / step, 0, 255))
    return np.clip(np.round(x / step) + zero, 0, 255).astype(np.int64) - zero.astype(np.int64), step


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def whole_products(x, weight, scale):
    """Return one row of uint8 activations · int8 weights, summed in whole numbers and scaled back."""
    whole, step = quantised(x.astype(np.float32))
    return (whole @ weight.astype(np.int64)) * (float(step) * scale.astype(np.float64))


def prepared(x, value, *, residual):
    """Return the operator's input from the layer's: equalised, with its rounding error behind it."""
    x = (x * value["per_width"] + value["minus_center"]).astype(np.float32)
    if not residual:
        return x
    whole, step = quantised(x)
    rest = (x - (whole * step).astype(np.float32)) * value["residual_factor"]
    return np.concatenate([x, rest], axis=1)


def emulated(proposal, x, direction):
    """Return Y [steps, directions, units] of DynamicQuantizeLSTM on one window x [steps, inputs]."""
    value = {each.name.removeprefix("layer/"): numpy_helper.to_array(each) for each in proposal.graph.initializer}
    x = prepared(x, value, residual="residual_factor" in value)
    units = value["R_int8"].shape[1]
    Y = np.zeros((len(x), len(value["W_int8"]), units))
    for d in range(Y.shape[1]):
        given = whole_products(x, value["W_int8"][d], value["W_scale"][d])
        given = given + value["B"][d, : 4 * units] + value["B"][d, 4 * units :]
        h, c = np.zeros(units), np.zeros(units)
        backwards = d == 1 or direction == "reverse"
        for t in reversed(range(len(x))) if backwards else range(len(x)):
            i, o, f, g = np.split(given[t] + whole_products(h, value["R_int8"][d], value["R_scale"][d]), 4)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
            Y[t, d] = h
    return Y.reshape(len(x), -1)


@BOTH
@pytest.mark.parametrize(
    ("direction", "inputs"), [("forward", 9), ("forward", 45), ("reverse", 9), ("bidirectional", 45)]
)
def test_it_is_the_arithmetic_that_numpy_does(
    technique, direction, inputs, networks, proposed, *, run, decibels
) -> None:
    """Where a value falls between two whole numbers the two may round differently: few do."""
    network, rows = networks.recurrent(direction=direction, inputs=inputs, units=16)
    proposal, quick = proposed(technique, network, rows(64))
    x = rows(8, seed=2)
    got, exact = run(quick, x), run(network, x)
    expected = np.stack([emulated(proposal, window, direction) for window in x])
    assert decibels(expected, got) > decibels(exact, got) + 10
    assert np.median(np.abs(expected - got)) < 1e-5
    assert np.median(np.abs(exact - got)) > 1e-4


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_eleven_bits_of_the_input_leave_less_noise_than_eight(direction, networks, proposed, run, decibels) -> None:
    """Where the recurrence has little weight, and channels have so much in common that the weights' has none."""
    network, rows = networks.recurrent(direction=direction, inputs=24, units=16)
    recurrence = next(each for each in network.graph.initializer if each.name == "R")
    recurrence.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(recurrence) * np.float32(0.01), "R"))
    x, calibration = rows(64, seed=2, noise=0.01), rows(256, noise=0.01)
    exact = run(network, x)
    eight, eleven = (decibels(exact, run(proposed(each, network, calibration)[1], x)) for each in (PLAIN, RESIDUAL))
    assert eleven > eight + 8


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_it_is_better_than_the_plain_recipe(direction, networks, proposed, run, decibels, tmp_path) -> None:
    network, rows = networks.recurrent(direction=direction, inputs=24, units=32, uneven=True)
    path = tmp_path / "plain.onnx"
    quantize_dynamic(network, path, op_types_to_quantize=["LSTM"], per_channel=True)
    x = rows(64, seed=2)
    exact = run(network, x)
    plain = np.concatenate([run(onnx.load(path), x[row : row + 1]) for row in range(len(x))])
    eight, eleven = (decibels(exact, run(proposed(each, network, rows(256))[1], x)) for each in (PLAIN, RESIDUAL))
    assert eight > decibels(exact, plain) + 5
    assert eleven > decibels(exact, plain) + 5


@BOTH
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_last_states_and_initial_states_are_kept(technique, direction, networks, proposed, run, decibels) -> None:
    bidirectional = direction == "bidirectional"
    network, rows = networks.recurrent(direction=direction, ends=True, states=not bidirectional)
    _, quick = proposed(technique, network, rows(64))
    x = rows(16, seed=2)
    exact, got = run(network, x), run(quick, x)
    assert got.shape == exact.shape
    for part in (slice(None, -2), -2, -1):  # Y, Y_h, Y_c
        assert decibels(exact[:, part], got[:, part]) > 30


def test_without_its_initial_states_it_would_be_far_off(networks, proposed, run, decibels) -> None:
    """The tolerance above tells."""
    network, rows = networks.recurrent(ends=True, states=True)
    stateless, _ = networks.recurrent(ends=True)  # of the same weights
    x = rows(16, seed=2)
    exact, got = run(network, x), run(proposed(PLAIN, stateless, rows(64))[1], x)
    assert decibels(exact, got) < 30


@BOTH
def test_only_the_last_state_may_be_asked_for(technique, networks, proposed, run, decibels) -> None:
    network, rows = networks.recurrent(ends=True)
    lstm = next(node for node in network.graph.node if node.op_type == "LSTM")
    lstm.output[0] = ""
    kept = [node for node in network.graph.node if node.op_type in ("Transpose", "LSTM") and node.output[0] != "by_row"]
    kept = [node for node in kept if node.output[0] != "c_by_row"]
    kept.append(onnx.helper.make_node("Reshape", ["h_by_row", "one_step"], ["network_output"]))
    del network.graph.node[:]
    network.graph.node.extend(kept)
    network.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 1
    proposal, quick = proposed(technique, network, rows(64))
    assert not isinstance(proposal, str)
    x = rows(8, seed=2)
    assert decibels(run(network, x), run(quick, x)) > 30


@BOTH
def test_its_pairs_keep_the_bound_and_its_weights_are_bytes(technique, networks, proposed) -> None:
    network, rows = networks.recurrent(direction="bidirectional", inputs=45)
    proposal, _ = proposed(technique, network, rows(64))
    stored = {each.name: numpy_helper.to_array(each) for each in proposal.graph.initializer}
    for name in ("layer/W_int8", "layer/R_int8"):
        assert stored[name].dtype == np.int8
        assert largest_pair(stored[name]) <= PAIR_LIMIT
    assert proposal.couples_rows
    assert proposal.precision == ("int8, input in 11 bits" if technique.residual else "int8")


@BOTH
@pytest.mark.parametrize("constant", [0.0, 0.4])
def test_a_channel_that_was_constant_may_change_in_service(
    technique, constant, networks, proposed, run, decibels
) -> None:
    network, rows = networks.recurrent(inputs=9, units=16)
    x, served = rows(128), rows(32, seed=2)
    x[:, :, 3] = constant
    served[:, :, 3] = constant + 0.5
    _, quick = proposed(technique, network, x)
    assert decibels(run(network, served), run(quick, served)) > 25


@BOTH
def test_a_network_of_constant_inputs_is_quantised_too(technique, networks, proposed, run, decibels) -> None:
    network, rows = networks.recurrent(inputs=9, units=16)
    x = np.full_like(rows(8), 0.5)
    _, quick = proposed(technique, network, x)
    assert decibels(run(network, x), run(quick, x)) > 30


@BOTH
def test_windows_on_one_side_of_the_center_are_served_no_worse_than_in_8_bits(
    technique, networks, proposed, run, decibels
) -> None:
    """There the rest widens the range, and the operator's grid is not the rest's."""
    network, rows = networks.recurrent(inputs=9, units=16)
    _, quick = proposed(technique, network, rows(128))
    served = np.abs(rows(32, seed=2)) + 3
    assert decibels(run(network, served), run(quick, served)) > 30


@BOTH
@pytest.mark.parametrize("which", ["Gemm", "MatMul", "Conv", ("GRU", "forward")], ids=str)
def test_other_operators_are_refused(technique, which, networks, proposed) -> None:
    network, rows = networks.linear(which) if isinstance(which, str) else networks.recurrent(*which)
    operator = which if isinstance(which, str) else which[0]
    reason, _ = proposed(technique, network, rows(8))
    assert reason == f"integer arithmetic of a {operator} at batch 1 is not offered here"


def without_bias(lstm):
    lstm.input[3] = ""


def batch_first(lstm):
    lstm.attribute.append(onnx.helper.make_attribute("layout", 1))


@BOTH
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (without_bias, "a weight or bias is missing or computed at run time"),
        (batch_first, "onnxruntime has no LSTM with the batch first"),
    ],
)
def test_what_the_operator_cannot_do_is_refused(technique, change, reason, networks) -> None:
    network, rows = networks.recurrent()
    recorded = record_activations(network, layers_of(network), rows(4))
    change(next(node for node in network.graph.node if node.op_type == "LSTM"))
    (layer,) = layers_of(network)
    assert technique.propose(layer, recorded["layer"]) == reason


@BOTH
def test_the_same_calibration_gives_the_same_bytes(technique, networks, proposed) -> None:
    network, rows = networks.recurrent()
    first, again = (proposed(technique, network, rows(64))[0].graph.SerializeToString() for _ in range(2))
    assert first == again

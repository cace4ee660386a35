"""Integer products with fixed ranges: near the float ones, in integers for certain, the same at every batch size."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper

from dwcpc.compiler.graphs.assemble import assemble
from dwcpc.compiler.graphs.built import Surroundings
from dwcpc.compiler.quantize.activation_range import ActivationRange, activation_range
from dwcpc.compiler.quantize.layers import layers_of, record_activations, with_proposals
from dwcpc.compiler.quantize.patches import flat_rows, patches, unflattened
from dwcpc.compiler.quantize.saturation import PAIR_LIMIT, largest_pair
from dwcpc.compiler.quantize.static_qdq import FEWEST_PRODUCTS, StaticQdq
from dwcpc.compiler.sources.base import NetworkSpec

TECHNIQUE = StaticQdq()
SIZES = {"Gemm": (161, 130), "Gemm transB": (161, 130), "MatMul": (65, 70), "Conv": (45, 33)}
KINDS = pytest.mark.parametrize("kind", SIZES)


@pytest.fixture
def network_of(networks):
    return lambda kind: networks.linear(kind, *SIZES[kind])


def constants(proposal):
    return {each.name.removeprefix("layer/"): numpy_helper.to_array(each) for each in proposal.graph.initializer}


@KINDS
def test_answers_stay_near_the_float_ones(kind, network_of, proposed, run, decibels) -> None:
    network, rows = network_of(kind)
    proposal, quick = proposed(TECHNIQUE, network, rows(256))
    assert (proposal.precision, proposal.couples_rows) == ("int8, static range", False)
    x = rows(64, seed=2)
    assert 32 < decibels(run(network, x), run(quick, x)) < 70


def rounded_by_numpy(x, value):
    zero = value["x_zero"].astype(np.int64)
    return np.clip(np.round(x / value["x_step"]) + zero, 0, 255).astype(np.int64) - zero


@pytest.mark.parametrize("kind", ["Gemm", "Gemm transB", "MatMul"])
def test_a_product_is_the_arithmetic_that_numpy_does(kind, network_of, proposed, run) -> None:
    network, rows = network_of(kind)
    proposal, quick = proposed(TECHNIQUE, network, rows(256))
    value, x = constants(proposal), rows(16, seed=2)
    whole = rounded_by_numpy(x, value) @ value["W_int8"].astype(np.int64)
    expected = whole * (value["x_step"].astype(np.float64) * value["W_scale"]) + value["bias"]
    np.testing.assert_allclose(run(quick, x), expected, rtol=1e-5, atol=1e-5)


def test_a_convolution_is_the_arithmetic_that_numpy_does(network_of, proposed, run) -> None:
    network, rows = network_of("Conv")
    proposal, quick = proposed(TECHNIQUE, network, rows(256))
    value, x = constants(proposal), rows(16, seed=2)
    whole = patches(network.graph.node[0], rounded_by_numpy(x, value), (3,)) @ flat_rows(value["W_int8"]).T
    exact = (whole + value["bias"]) * (value["x_step"].astype(np.float64) * value["W_scale"])
    got = np.moveaxis(run(quick, x), 1, 2).reshape(exact.shape)
    low, high = (float(value["y_step"]) * (end - int(value["y_zero"])) for end in (0, 255))
    assert np.abs(np.clip(exact, low, high) - got).max() <= 0.501 * value["y_step"]


@KINDS
def test_onnxruntime_computes_it_in_integers(kind, network_of, proposed, tmp_path) -> None:
    network, rows = network_of(kind)
    _, quick = proposed(TECHNIQUE, network, rows(64))
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath, options.log_severity_level = str(tmp_path / "loaded.onnx"), 3
    onnxruntime.InferenceSession(quick.SerializeToString(), options, providers=["CPUExecutionProvider"])
    operators = {node.op_type for node in onnx.load(tmp_path / "loaded.onnx").graph.node}
    assert ("QLinearConv" if kind == "Conv" else "MatMulIntegerToFloat") in operators
    assert not operators & {"Gemm", "MatMul", "Conv", "FusedGemm", "FusedConv"}


@KINDS
def test_a_row_has_the_same_bits_at_every_batch_size(kind, network_of, proposed, run) -> None:
    network, rows = network_of(kind)
    _, quick = proposed(TECHNIQUE, network, rows(64))
    x = rows(64, seed=2)
    alone = np.concatenate([run(quick, x[row : row + 1]) for row in range(64)])
    for size in (2, 7, 64):
        batches = [run(quick, x[start : start + size]) for start in range(0, 64, size)]
        np.testing.assert_array_equal(np.concatenate(batches), alone)


@KINDS
def test_no_pair_saturates_in_the_order_of_the_kernel(kind, network_of, proposed) -> None:
    network, rows = network_of(kind)
    proposal, _ = proposed(TECHNIQUE, network, rows(64))
    weight = constants(proposal)["W_int8"]
    assert weight.dtype == np.int8
    contracted = flat_rows(weight).T.astype(int) if kind == "Conv" else weight
    assert largest_pair(contracted) <= PAIR_LIMIT


def test_in_the_order_of_the_weights_pairs_of_a_convolution_would(network_of, proposed) -> None:
    network, rows = network_of("Conv")
    proposal, _ = proposed(TECHNIQUE, network, rows(64))
    weight = constants(proposal)["W_int8"]
    assert largest_pair(weight.reshape(len(weight), -1).T) > PAIR_LIMIT


@KINDS
def test_the_mean_error_goes_into_the_bias(kind, network_of, proposed, run) -> None:
    network, rows = network_of(kind)
    x = rows(256)
    _, quick = proposed(TECHNIQUE, network, x)
    error = np.moveaxis(run(quick, x).astype(np.float64) - run(network, x), 1, -1).reshape(-1, SIZES[kind][1])
    error = error if kind == "Conv" else (run(quick, x).astype(np.float64) - run(network, x)).reshape(error.shape)
    assert np.abs(error.mean(axis=0)).max() < 0.1 * error.std()


CONVS = {
    "plain": ("[2, 5, 11]", "[3, 5, 3]", ""),
    "padded unevenly": ("[2, 5, 11]", "[3, 5, 3]", "pads = [0, 2]"),
    "strided": ("[2, 5, 11]", "[3, 5, 3]", "strides = [2], pads = [1, 1]"),
    "dilated": ("[2, 5, 11]", "[3, 5, 3]", "dilations = [3], pads = [3, 3]"),
    "in the plane": ("[2, 5, 9, 8]", "[3, 5, 3, 2]", "strides = [2, 1], pads = [1, 0, 2, 1], dilations = [1, 2]"),
}


@pytest.mark.parametrize("conv", CONVS)
def test_patches_times_rows_are_the_convolution(conv, run) -> None:
    x_shape, w_shape, attributes = CONVS[conv]
    kind = ", ".join("abcd"[: x_shape.count(",") + 1])
    text = f"g (float[{kind}] x) => (float[A,B,C{',D' * (len(kind) > 7)}] y) {{ y = Conv <{attributes}> (x, W) }}"
    model = onnx.parser.parse_model(f'<ir_version: 9, opset_import: ["" : 20]>\n{text.replace("<>", "")}')
    rng = np.random.default_rng(0)
    x, W = (
        rng.normal(size=[int(n) for n in shape[1:-1].split(",")]).astype(np.float32) for shape in (x_shape, w_shape)
    )
    model.graph.initializer.append(numpy_helper.from_array(W, "W"))
    expected = np.moveaxis(run(model, x), 1, -1).reshape(-1, 3)
    np.testing.assert_allclose(patches(model.graph.node[0], x, W.shape[2:]) @ flat_rows(W).T, expected, atol=1e-5)
    np.testing.assert_array_equal(unflattened(flat_rows(W), W.shape), W)


def test_rare_large_values_are_clipped_where_that_saves_error() -> None:
    x = np.random.default_rng(0).normal(size=(50_000, 4))
    x[0, 0] = 20.0
    weighed = activation_range(x, np.ones(4))
    whole = ActivationRange.between(float(x.min()), float(x.max()))
    assert weighed.rounded(x).max() < 17 < whole.rounded(x).max()
    assert ((weighed.rounded(x) - x) ** 2).sum() < 0.9 * ((whole.rounded(x) - x) ** 2).sum()
    x[:10_000, 0] = 20.0
    assert float(activation_range(x, np.ones(4)).step) * 255 > 20
    assert float(activation_range(x, np.array([0.0, 1, 1, 1])).step) * 255 < 12


@pytest.mark.parametrize(("low", "high"), [(0.0, 3.0), (-2.0, 0.0), (-1.3, 5.1), (0.0, 0.0), (-1e-30, 1e-30)])
def test_zero_is_exact_in_every_range(low, high) -> None:
    given = ActivationRange.between(low, high)
    assert given.rounded(np.zeros(3)).tolist() == [0, 0, 0]
    x = np.linspace(low, high, 100)
    assert np.abs(given.rounded(x) - x).max() <= float(given.step) * 1.001


def test_the_step_is_that_of_the_range() -> None:
    assert float(ActivationRange.between(-1.0, 4.1).step) == pytest.approx(5.1 / 255)
    assert int(ActivationRange.between(-1.0, 4.1).zero) == 50


def products(kind, positions, k, n):
    return positions * k * n * (3 if kind == "Conv" else 1)


@pytest.mark.parametrize(("kind", "k", "n"), [("Gemm", 100, 199), ("MatMul", 40, 99), ("Conv", 20, 66)])
def test_a_layer_too_small_to_gain_by_it_is_refused(kind, k, n, networks, proposed) -> None:
    count = products(kind, 1 if kind == "Gemm" else 5, k, n)
    assert count < FEWEST_PRODUCTS
    network, rows = networks.linear(kind, k, n)
    assert proposed(TECHNIQUE, network, rows(8))[0] == f"{count} products are too few to gain by it"
    network, rows = networks.linear(kind, k, n + 1 + (kind == "Conv"))
    assert not isinstance(proposed(TECHNIQUE, network, rows(8))[0], str)


def attribute(name, value):
    return lambda node: node.attribute.append(helper.make_attribute(name, value))


def computed_bias(node):
    node.input[2] = "computed"


@pytest.mark.parametrize(
    ("kind", "change", "reason"),
    [
        ("Gemm", attribute("alpha", 0.5), "it is transposed or scaled"),
        ("Gemm", attribute("beta", 0.5), "it is transposed or scaled"),
        ("Gemm", attribute("transA", 1), "it is transposed or scaled"),
        ("Gemm", computed_bias, "its bias is computed at run time"),
        ("Conv", computed_bias, "its bias is computed at run time"),
        ("Conv", attribute("auto_pad", "SAME_UPPER"), "its padding is not written down"),
        ("Conv", attribute("group", 3), "it is grouped"),
    ],
)
def test_what_it_does_not_compute_is_refused(kind, change, reason, network_of) -> None:
    network, rows = network_of(kind)
    recorded = record_activations(network, layers_of(network), rows(4))["layer"]
    change(network.graph.node[0])
    (layer,) = layers_of(network)
    assert TECHNIQUE.propose(layer, recorded) == reason


def test_other_layers_are_refused(networks, proposed) -> None:
    network, rows = networks.recurrent()
    assert proposed(TECHNIQUE, network, rows(4))[0] == "static ranges of a LSTM are not offered here"


def test_a_bias_beyond_its_integers_is_refused(networks, proposed) -> None:
    network, rows = networks.linear("Conv", *SIZES["Conv"])
    bias = next(each for each in network.graph.initializer if each.name == "C")
    bias.CopyFrom(numpy_helper.from_array(np.full(33, 1e9, np.float32), "C"))
    assert proposed(TECHNIQUE, network, rows(4))[0] == "its bias is out of range beside its weights"


@KINDS
def test_the_served_graph_takes_it(kind, network_of, run, decibels) -> None:
    network, rows = network_of(kind)
    tail = helper.make_node("Relu", ["inner"], ["network_output"])
    network.graph.node[0].output[0] = "inner"
    network.graph.node.append(tail)
    layers = layers_of(network)
    recorded = record_activations(network, layers, rows(64))
    quick = with_proposals(network, {"layer": TECHNIQUE.propose(layers[0], recorded["layer"])})
    given, returned = rows(1).shape[1:], run(network, rows(1)).shape[1:]
    spec = NetworkSpec("f", "1", "k", "m", "regression", given, output_shape=returned)
    served = assemble(quick, spec, Surroundings(None, None))
    x = rows(8, seed=2)
    assert decibels(run(network, x), run(served, x)) > 30

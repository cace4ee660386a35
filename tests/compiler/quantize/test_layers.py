"""Which layers may change, what they are calibrated on, and what stays of the network around them."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from dwcpc.compiler.quantize.float16_storage import Float16Storage
from dwcpc.compiler.quantize.int8_lstm import Int8Lstm
from dwcpc.compiler.quantize.int16_storage import Int16Storage
from dwcpc.compiler.quantize.layers import FEWEST_WEIGHTS, layers_of, record_activations, with_proposals

TWO = """
    network (float[B,20] network_input) => (float[B,20] network_output) {
        h = Gemm <transB = 1> (network_input, W, b)
        r = Relu (h)
        network_output = MatMul (r, V)
    }"""


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape) / shape[0] ** 0.5


@pytest.fixture
def two(networks):
    """Gemm → Relu → MatMul, named as an exporter names them."""
    network = networks.finished(TWO, {"W": normal(24, 20), "b": normal(24), "V": normal(24, 20, seed=1)})
    for node, name in zip(network.graph.node, ("/first/Gemm", "/Relu", "/second/MatMul"), strict=True):
        node.name = name
    return network


@pytest.fixture
def x():
    return np.random.default_rng(7).normal(size=(50, 20)).astype(np.float32)


def names(network):
    return [layer.name for layer in layers_of(network)]


def proposals(technique, network, x):
    layers = layers_of(network)
    recorded = record_activations(network, layers, x)
    return {layer.name: technique.propose(layer, recorded[layer.name]) for layer in layers}


def initializers(network):
    return {tensor.name for tensor in network.graph.initializer}


def test_layers_are_those_with_constant_weights_in_the_order_of_the_graph(two) -> None:
    first, second = layers_of(two)
    assert (first.name, first.op, first.size) == ("/first/Gemm", "Gemm", 24 * 20 + 24)
    assert (second.name, second.op, second.size) == ("/second/MatMul", "MatMul", 24 * 20)
    assert sorted(first.weights) == [1, 2]
    np.testing.assert_array_equal(first.weights[1], normal(24, 20).astype(np.float32))


def test_a_layer_without_a_name_is_called_after_what_it_computes(two) -> None:
    for node in two.graph.node:
        node.name = ""
    assert names(two) == ["h", "network_output"]


def test_a_weight_that_two_use_stays(two) -> None:
    two.graph.node[0].input[1] = "V"
    assert names(two) == []


def test_a_bias_that_two_use_does_not_keep_their_weights(networks, run) -> None:
    text = """
        n (float[B,20] x) => (float[B,20] y) {
            h = Gemm (x, W, b)
            y = Gemm (h, V, b)
        }"""
    network = networks.finished(text, {"W": normal(20, 20), "V": normal(20, 20, seed=1), "b": normal(20)})
    assert names(network) == ["h", "y"]
    x = normal(4, 20).astype(np.float32)
    changed = with_proposals(network, {"h": proposals(Int16Storage(), network, x)["h"]})
    np.testing.assert_allclose(run(changed, x), run(network, x), atol=1e-3)


INSIDE = """
    n (float[B,20] x) => (float[B,20] y) {
        h = MatMul (x, W)
        one = Constant <value = bool {1}> ()
        y = If (one) <
            then_branch = t () => (float[B,20] a) { a = MatMul (h, V) },
            else_branch = e () => (float[B,20] b) { b = Add (h, x) }
        >
    }"""


def test_a_weight_that_a_graph_inside_uses_too_stays(networks) -> None:
    network = networks.finished(INSIDE, {"W": normal(20, 20), "V": normal(20, 20, seed=1)})
    assert names(network) == ["h"]
    network.graph.node[0].input[1] = "V"
    assert names(network) == []


def test_a_constant_that_only_a_graph_inside_uses_is_kept(networks, run) -> None:
    network = networks.finished(INSIDE, {"W": normal(20, 20), "V": normal(20, 20, seed=1)})
    x = normal(4, 20).astype(np.float32)
    changed = with_proposals(network, proposals(Int16Storage(), network, x))
    assert "V" in initializers(changed)
    assert "W" not in initializers(changed)
    np.testing.assert_allclose(run(changed, x), run(network, x), atol=1e-3)


@pytest.mark.parametrize(("columns", "taken"), [(FEWEST_WEIGHTS // 16, True), (FEWEST_WEIGHTS // 16 - 1, False)])
def test_a_small_layer_stays(columns, taken, networks) -> None:
    text = f"n (float[B,16] x) => (float[B,{columns}] y) {{ y = MatMul (x, W) }}"
    assert bool(names(networks.finished(text, {"W": normal(16, columns)}))) is taken


def test_a_layer_whose_name_another_node_has_stays(two) -> None:
    two.graph.node[1].name = "/first/Gemm"
    assert names(two) == ["/second/MatMul"]


def test_a_weight_of_another_type_or_computed_stays(networks) -> None:
    text = """
        n (float[B,20] x) => (float[B,20] y, double[B,20] z) {
            V = Relu (W)
            y = MatMul (x, V)
            d = Cast <to = 11> (x)
            z = MatMul (d, D)
        }"""
    model = onnx.parser.parse_model(f'<ir_version: 9, opset_import: ["" : 20]>\n{text}')
    model.graph.initializer.extend(
        numpy_helper.from_array(normal(20, 20).astype(kind), name) for name, kind in (("W", "f4"), ("D", "f8"))
    )
    assert names(model) == []


def test_activations_are_what_went_in_and_came_out(two, x, run) -> None:
    recorded = record_activations(two, layers_of(two), x)
    first, second = recorded["/first/Gemm"], recorded["/second/MatMul"]
    np.testing.assert_array_equal(first.input, x)
    np.testing.assert_allclose(first.output, x @ normal(24, 20).T + normal(24), rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(second.input, np.maximum(first.output, 0))
    np.testing.assert_array_equal(second.output, run(two, x))


def test_the_output_that_an_lstm_left_out_is_recorded(networks) -> None:
    network, rows = networks.recurrent()
    recorded = record_activations(network, layers_of(network), rows(3))["layer"]
    lstm = next(node for node in network.graph.node if node.op_type == "LSTM")
    del network.graph.node[network.graph.node[:].index(lstm) + 1 :]
    lstm.output[:] = ["", "h"]
    lstm.name = ""
    del network.graph.output[:]
    network.graph.output.append(helper.make_tensor_value_info("h", onnx.TensorProto.FLOAT, [1, "B", 16]))
    (layer,) = layers_of(network)
    assert layer.name == "h"
    again = record_activations(network, [layer], rows(3))["h"]
    np.testing.assert_array_equal(again.input, recorded.input)
    np.testing.assert_array_equal(again.output, recorded.output)
    assert lstm.output[0] == ""


def test_nothing_is_recorded_for_no_layers(two, x) -> None:
    assert record_activations(two, [], x) == {}


def test_only_the_chosen_layers_change(two, x, run) -> None:
    before = two.SerializeToString()
    second = {"/second/MatMul": proposals(Float16Storage(), two, x)["/second/MatMul"]}
    changed = with_proposals(two, second)
    assert {"W", "b"} <= initializers(changed)
    assert "V" not in initializers(changed)
    assert [node.name for node in changed.graph.node if node.op_type == "Gemm"] == ["/first/Gemm"]
    assert two.SerializeToString() == before
    np.testing.assert_allclose(run(changed, x), run(two, x), atol=1e-2)


def test_no_choice_leaves_the_network_as_it_is(two) -> None:
    assert with_proposals(two, {}).SerializeToString() == two.SerializeToString()


def test_no_constant_is_left_that_nothing_uses(two, x) -> None:
    changed = with_proposals(two, proposals(Int16Storage(), two, x))
    assert not {"W", "V"} & initializers(changed)
    assert initializers(changed) <= {name for node in changed.graph.node for name in node.input}


@pytest.mark.parametrize("name", ['a "b" c', "/enc\\oder/LSTM:0", "Ümläut→☃", "a\nb", "{0}%s", " ", "layer/W_int8"])
@pytest.mark.parametrize("technique", [Int16Storage(), Int8Lstm(residual=True)], ids=lambda each: each.precision)
def test_any_name_of_a_layer_will_do(name, technique, networks, run) -> None:
    network, rows = networks.recurrent()
    next(node for node in network.graph.node if node.op_type == "LSTM").name = name
    changed = with_proposals(network, proposals(technique, network, rows(32)))
    x = rows(4, seed=2)
    np.testing.assert_allclose(run(changed, x), run(network, x), atol=0.05)


def test_a_domain_is_declared_where_it_is_used(networks) -> None:
    network, rows = networks.recurrent()
    chosen = proposals(Int8Lstm(residual=False), network, rows(32))
    changed = with_proposals(network, chosen)
    assert {each.domain: each.version for each in changed.opset_import} == {"": 20, "com.microsoft": 1}
    assert {each.domain for each in network.opset_import} == {""}

"""Weights stored in fewer bytes: answers are those of the restored weights to the bit, and loading restores them."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, numpy_helper

from dwcpc.compiler.quantize.float16_storage import Float16Storage
from dwcpc.compiler.quantize.forms import Forms
from dwcpc.compiler.quantize.int8_lstm import Int8Lstm
from dwcpc.compiler.quantize.int8_storage import Int8Storage
from dwcpc.compiler.quantize.int16_storage import Int16Storage
from dwcpc.compiler.quantize.layers import layers_of, record_activations

RECURRENT = [("LSTM", "forward"), ("LSTM", "reverse"), ("LSTM", "bidirectional"), ("GRU", "bidirectional")]
LINEAR = ["Gemm", "Gemm transB", "MatMul", "Conv"]
LAYERS = [*RECURRENT, *LINEAR]
TECHNIQUES = [Float16Storage(), Int16Storage(), Int8Storage()]
TYPES = {"float16 storage": TensorProto.FLOAT16, "int16 storage": TensorProto.INT16, "int8 storage": TensorProto.INT8}
LEAST_DECIBELS = {"float16 storage": 65, "int16 storage": 80, "int8 storage": 40}


@pytest.fixture
def network_of(networks):
    def network(which):
        return networks.linear(which) if isinstance(which, str) else networks.recurrent(*which)

    return network


def constants(graph):
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}


def restored(network):
    """Return the network with its weights restored by numpy, instead of by the nodes that do it."""
    values = constants(network.graph)
    model, kept = onnx.ModelProto(), []
    model.CopyFrom(network)
    for node in network.graph.node:
        if node.op_type in ("Cast", "Mul") and all(name in values for name in node.input):
            a = values[node.input[0]]
            values[node.output[0]] = a.astype(np.float32) if node.op_type == "Cast" else a * values[node.input[1]]
        else:
            kept.append(node)
    del model.graph.node[:], model.graph.initializer[:]
    model.graph.node.extend(kept)
    read = {name for node in kept for name in node.input}
    model.graph.initializer.extend(numpy_helper.from_array(values[name], name) for name in values if name in read)
    return model


def loaded(model, path, level="ORT_ENABLE_EXTENDED"):
    """Return the graph as onnxruntime optimises it."""
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(path)
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    options.log_severity_level = 3
    onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return onnx.load(path).graph


def computed_from_constants(graph):
    """Return the operators whose inputs are all constants, in this graph and those inside."""
    known = constants(graph)
    found = [node.op_type for node in graph.node if node.input and all(name in known for name in node.input)]
    inner = [attribute.g for node in graph.node for attribute in node.attribute if attribute.HasField("g")]
    return found + [name for each in inner for name in computed_from_constants(each)]


def offered(technique, which):
    return not (technique.precision == "int8 storage" and (which == "Conv" or which[0] == "GRU"))


CASES = [(technique, which) for technique in TECHNIQUES for which in LAYERS if offered(technique, which)]
IDS = [f"{technique.precision}-{which}" for technique, which in CASES]


@pytest.mark.parametrize(("technique", "which"), CASES, ids=IDS)
def test_answers_are_those_of_the_restored_weights(technique, which, network_of, proposed, run, decibels) -> None:
    network, rows = network_of(which)
    proposal, smaller = proposed(technique, network, rows(64))
    assert proposal.precision == technique.precision
    assert not proposal.couples_rows
    x = rows(8, seed=2)
    np.testing.assert_array_equal(run(smaller, x), run(restored(smaller), x))
    noise = decibels(run(network, x), run(smaller, x))
    assert LEAST_DECIBELS[technique.precision] < noise < 120  # above: the weights would be the same


@pytest.mark.parametrize(("technique", "which"), CASES, ids=IDS)
def test_weights_are_stored_small_and_restored_at_load(technique, which, network_of, proposed, tmp_path) -> None:
    network, rows = network_of(which)
    _, smaller = proposed(technique, network, rows(64))
    matrices = [each for each in smaller.graph.initializer if each.data_type == TYPES[technique.precision]]
    floats = [each for each in network.graph.initializer if each.data_type == 1 and each.name in ("W", "R")]
    assert sum(np.prod(each.dims) for each in matrices) == sum(np.prod(each.dims) for each in floats)
    assert not {"W", "R"} & set(constants(smaller.graph))
    graph = loaded(smaller, tmp_path / "loaded.onnx")
    assert computed_from_constants(graph) == []
    assert not {"Cast", "Mul"} & {node.op_type for node in graph.node}
    exact = [value.tobytes() for name, value in constants(restored(smaller).graph).items()]
    held = [value.tobytes() for value in constants(graph).values()]
    assert all(value in held for value in exact if len(value) > 1000)


def test_without_optimisation_they_would_be_restored_at_each_call(networks, proposed, tmp_path) -> None:
    network, rows = networks.linear("Gemm")
    _, smaller = proposed(Int16Storage(), network, rows(8))
    graph = loaded(smaller, tmp_path / "loaded.onnx", "ORT_DISABLE_ALL")
    assert "Cast" in computed_from_constants(graph)


@pytest.mark.parametrize("technique", TECHNIQUES, ids=lambda each: each.precision)
def test_weights_are_restored_at_load_in_the_body_of_a_scan_too(technique, networks, run, tmp_path) -> None:
    """Beside an integer LSTM the whole network is such a body."""
    network, rows = networks.recurrent(inputs=9, units=16)
    after = networks.finished(
        "n (float[B,12,16] network_output) => (float[B,12,20] end) { end = MatMul (network_output, M) }",
        {"M": np.random.default_rng(3).normal(size=(16, 20))},
    )
    network.graph.node.extend(after.graph.node)
    network.graph.initializer.extend(after.graph.initializer)
    del network.graph.output[:]
    network.graph.output.extend(after.graph.output)
    layers = layers_of(network)
    recorded = record_activations(network, layers, rows(64))
    lstm, matmul = layers
    chosen = {
        lstm.name: Int8Lstm(residual=False).propose(lstm, recorded[lstm.name]),
        matmul.name: technique.propose(matmul, recorded[matmul.name]),
    }
    mixed = Forms(network).with_proposals(chosen)
    assert [node.op_type for node in mixed.graph.node] == ["Scan"]
    run(mixed, rows(2))
    graph = loaded(mixed, tmp_path / "loaded.onnx", "ORT_ENABLE_ALL")
    (scan,) = (node for node in graph.node if node.op_type == "Scan")
    body = next(attribute.g for attribute in scan.attribute if attribute.name == "body")
    assert computed_from_constants(graph) == []
    assert not any(node.op_type == "Cast" for node in body.node)
    held = [tensor.data_type for tensor in (*body.initializer, *graph.initializer) if np.prod(tensor.dims) == 320]
    assert held == [TensorProto.FLOAT]


def test_compensated_int8_is_better_than_int8_to_nearest(networks, proposed, run, decibels) -> None:
    network, rows = networks.linear("Gemm", k=48, n=40)
    _, smaller = proposed(Int8Storage(), network, rows(256))
    nearest = onnx.ModelProto()
    nearest.CopyFrom(network)
    weight = constants(network.graph)["W"]
    scale = np.abs(weight).max(axis=0) / 127
    next(tensor for tensor in nearest.graph.initializer if tensor.name == "W").CopyFrom(
        numpy_helper.from_array((np.round(weight / scale) * scale).astype(np.float32), "W")
    )
    x = rows(256, seed=2)
    assert decibels(run(network, x), run(smaller, x)) > decibels(run(network, x), run(nearest, x)) + 6


def test_the_mean_error_of_int8_goes_into_the_bias(networks, proposed, run) -> None:
    network, rows = networks.linear("Gemm", k=48, n=40)
    x = rows(256)
    _, smaller = proposed(Int8Storage(), network, x)
    uncorrected = onnx.ModelProto()
    uncorrected.CopyFrom(smaller)
    next(node for node in uncorrected.graph.node if node.op_type == "Gemm").input[2] = "C"
    uncorrected.graph.initializer.extend(each for each in network.graph.initializer if each.name == "C")
    before, after = (np.abs((run(each, x) - run(network, x)).mean(axis=0)).max() for each in (uncorrected, smaller))
    assert after < 1e-5
    assert before > 10 * after


def gemm(networks, weight, attributes="", bias=None):
    text = f"g (float[B,{weight.shape[0]}] x) => (float[B,{weight.shape[1]}] y) {{ y = Gemm {attributes} (x, W, C) }}"
    given = {"W": weight, "C": np.zeros(weight.shape[1]) if bias is None else bias}
    return networks.finished(text, given), np.zeros((3, weight.shape[0]), np.float32)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({(0, 0): 70000.0}, "a weight of 7e+04 is out of float16's range"),
        ({...: 1e-7}, "its weights are too small for float16"),
    ],
)
def test_float16_refuses_weights_that_it_cannot_hold(change, reason, networks, proposed) -> None:
    weight = np.random.default_rng(0).normal(size=(20, 20))
    for at, value in change.items():
        weight[at] = value
    network, x = gemm(networks, weight)
    assert proposed(Float16Storage(), network, x)[0] == reason
    assert not isinstance(proposed(Int16Storage(), network, x)[0], str)


@pytest.mark.parametrize("largest", [65504.0, 65519.0])
def test_float16_takes_weights_up_to_its_largest(largest, networks, proposed) -> None:
    weight = np.random.default_rng(0).normal(size=(20, 20))
    weight[0, 0] = largest
    proposal, _ = proposed(Float16Storage(), *gemm(networks, weight))
    assert isinstance(proposal, str) is (largest > 65504)


def test_a_layer_of_zeros_is_stored_too(networks, proposed, run) -> None:
    network, x = gemm(networks, np.zeros((20, 20)))
    for technique in TECHNIQUES:
        proposal, smaller = proposed(technique, network, x)
        assert not isinstance(proposal, str)
        assert not run(smaller, x + 1).any()


@pytest.mark.parametrize("technique", [Float16Storage(), Int16Storage(), Int8Storage()], ids=lambda t: t.precision)
def test_a_vector_of_weights_is_refused(technique, networks, proposed) -> None:
    text = "g (float[B,300] x) => (float[B] y) { y = MatMul (x, W) }"
    network = networks.finished(text, {"W": np.ones(300)})
    reason, _ = proposed(technique, network, np.ones((3, 300), np.float32))
    assert isinstance(reason, str)


@pytest.mark.parametrize("which", [("GRU", "forward"), "Conv"], ids=str)
def test_int8_refuses_what_it_cannot_compensate(which, network_of, proposed) -> None:
    network, rows = network_of(which)
    operator = which if isinstance(which, str) else which[0]
    reason, _ = proposed(Int8Storage(), network, rows(8))
    assert reason == f"rounding that compensates is not offered for this {operator}"


@pytest.mark.parametrize("attributes", ["<alpha = 0.5>", "<beta = 2.0>"])
def test_int8_refuses_a_gemm_that_is_scaled(attributes, networks, proposed) -> None:
    network, x = gemm(networks, np.random.default_rng(0).normal(size=(20, 20)), attributes)
    reason, _ = proposed(Int8Storage(), network, x)
    assert reason == "rounding that compensates is not offered for this Gemm"


def test_a_row_of_small_weights_keeps_its_digits_in_int16(networks, proposed, run, decibels) -> None:
    weight = np.random.default_rng(0).normal(size=(24, 20)) * np.logspace(-6, 3, 20)
    network, x = gemm(networks, weight)
    x = np.random.default_rng(1).normal(size=(16, 24)).astype(np.float32)
    _, smaller = proposed(Int16Storage(), network, x)
    for column in range(20):
        assert decibels(run(network, x)[:, column], run(smaller, x)[:, column]) > 80

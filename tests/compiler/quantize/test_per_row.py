"""A row's answer has the same bits whoever stands beside it, in the served graph too; without the Scan it has not."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from dwcpc.compiler.graphs.assemble import assemble
from dwcpc.compiler.graphs.built import Surroundings
from dwcpc.compiler.quantize.int8_lstm import Int8Lstm
from dwcpc.compiler.quantize.int16_storage import Int16Storage
from dwcpc.compiler.quantize.layers import with_proposals
from dwcpc.compiler.quantize.per_row import each_row_alone
from dwcpc.compiler.scalers import Scaler
from dwcpc.compiler.signature import GRAPH_INPUT
from dwcpc.compiler.sources.base import NetworkSpec

BATCHES = (1, 2, 7, 64)
BOTH = pytest.mark.parametrize("technique", [Int8Lstm(residual=False), Int8Lstm(residual=True)], ids=["8", "11"])
DIRECTIONS = ["forward", "reverse", "bidirectional"]


def one_by_one(run, model, x):
    return np.concatenate([run(model, x[row : row + 1]) for row in range(len(x))])


def in_batches(run, model, x, size):
    return np.concatenate([run(model, x[start : start + size]) for start in range(0, len(x), size)])


@pytest.fixture
def apart(networks, proposed):
    """Return `apart(technique, direction)`: the proposal, its network with a Scan, the float network, and rows."""

    def build(technique, direction="forward"):
        network, rows = networks.recurrent(direction=direction)
        proposal, quick = proposed(technique, network, rows(64))
        return proposal, quick, network, rows

    return build


@BOTH
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_row_has_the_same_bits_at_every_batch_size(technique, direction, apart, run) -> None:
    _, quick, _, rows = apart(technique, direction)
    x = rows(64, seed=2)
    alone = one_by_one(run, quick, x)
    for size in BATCHES:
        np.testing.assert_array_equal(in_batches(run, quick, x, size), alone)


@BOTH
def test_without_the_scan_it_has_not(technique, apart, run) -> None:
    proposal, quick, network, rows = apart(technique)
    together = with_proposals(network, {"layer": proposal})
    x = rows(64, seed=2)
    alone = one_by_one(run, together, x)
    np.testing.assert_array_equal(alone, one_by_one(run, quick, x))
    assert (in_batches(run, together, x, 64) != alone).mean() > 0.5


def test_the_scan_is_there_only_where_rows_would_mix(networks, proposed) -> None:
    network, rows = networks.recurrent()
    _, stored = proposed(Int16Storage(), network, rows(8))
    assert "Scan" not in {node.op_type for node in stored.graph.node}
    _, quick = proposed(Int8Lstm(residual=False), network, rows(8))
    assert [node.op_type for node in quick.graph.node] == ["Scan"]


def test_a_float_network_answers_the_same_row_by_row(networks, run) -> None:
    network, rows = networks.linear("Gemm")
    x = rows(5)
    model = each_row_alone(network)
    np.testing.assert_array_equal(run(model, x), one_by_one(run, network, x))
    assert model.graph.input[0] == network.graph.input[0]
    assert model.graph.output[0] == network.graph.output[0]
    assert (model.opset_import, model.ir_version) == (network.opset_import, network.ir_version)


def test_a_graph_inside_the_network_sees_the_row_and_not_the_batch(networks, run) -> None:
    text = """
        n (float[B,4] x) => (float[B,4] y) {
            one = Constant <value = bool {1}> ()
            total = ReduceMax <keepdims = 0> (x)
            y = If (one) <
                then_branch = t () => (float[B,4] a) { m = ReduceMax <keepdims = 0> (x)  a = Sub (x, m) },
                else_branch = e () => (float[B,4] b) { b = Add (x, total) }
            >
        }"""
    x = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    answers = run(each_row_alone(networks.finished(text, {})), x)
    np.testing.assert_array_equal(answers, x - x.max(axis=1, keepdims=True))


def spec(network):
    given, returned = (
        tuple(axis.dim_value for axis in value.type.tensor_type.shape.dim[1:])
        for value in (network.graph.input[0], network.graph.output[0])
    )
    return NetworkSpec("f", "1", "k", "m", "autoencoder", given, output_shape=returned)


@BOTH
@pytest.mark.parametrize("weight", ["W", GRAPH_INPUT, "reconstruction", "anomaly_score"])
def test_the_served_graph_takes_it(technique, weight, networks, proposed, run, decibels) -> None:
    """Also beside a weight, in the Scan's body, that is called as one of the served graph's values."""
    network, rows = networks.recurrent(inputs=16, units=16)
    extra = networks.finished(
        f"n (float[B,12,16] network_output) => (float[B,12,16] end) {{ end = Mul (network_output, {weight}_) }}",
        {f"{weight}_": np.full(16, 1.5)},
    )
    extra.graph.node[0].input[1] = extra.graph.initializer[0].name = weight if weight != "W" else "other"
    for node in network.graph.node:
        node.output[:] = ["lstm_output" if name == "network_output" else name for name in node.output]
    extra.graph.node[0].input[0], extra.graph.node[0].output[0] = "lstm_output", "network_output"
    network.graph.node.extend(extra.graph.node)
    network.graph.initializer.extend(extra.graph.initializer)
    scaler = Scaler("StandardScaler", (0.5,) * 16, (2.0,) * 16)
    _, quick = proposed(technique, network, rows(64))
    served, exact = (assemble(each, spec(network), Surroundings(scaler, None)) for each in (quick, network))
    onnx.checker.check_model(served, full_check=True)
    x = rows(14, seed=2) * 2 + 0.5
    assert decibels(run(exact, x), run(served, x)) > 30
    np.testing.assert_array_equal(in_batches(run, served, x, 7), one_by_one(run, served, x))


def test_weights_are_in_the_body_once(apart) -> None:
    _, quick, _, _ = apart(Int8Lstm(residual=False))
    (scan,) = quick.graph.node
    body = next(attribute.g for attribute in scan.attribute if attribute.name == "body")
    assert not quick.graph.initializer
    assert sum(numpy_helper.to_array(each).dtype == np.int8 for each in body.initializer) == 4  # and two zero points

"""The forms in which a network is served: for any number of rows, row by row, and for one row."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from dwcpc.compiler.quantize.base import Proposal
from dwcpc.compiler.quantize.forms import Forms
from dwcpc.compiler.quantize.int8_lstm import Int8Lstm
from dwcpc.compiler.quantize.int16_storage import Int16Storage
from dwcpc.compiler.quantize.layers import layers_of, record_activations

TECHNIQUES = {"coupling": Int8Lstm(residual=True), "apart": Int16Storage()}


@pytest.fixture(scope="session")
def stacked(networks):
    """Return `stacked()`: an LSTM behind a product by channel, as a BatchNormalization leaves it, and its rows."""

    def build():
        network, rows = networks.recurrent(direction="bidirectional")
        lstm = next(node for node in network.graph.node if node.op_type == "LSTM")
        scale, shift = (
            onnx.numpy_helper.from_array(np.full((12, 1, 1), v, np.float32), n) for n, v in (("s", 1.5), ("t", 0.25))
        )
        before = [
            onnx.helper.make_node("Mul", [lstm.input[0], "s"], ["bn_s"]),
            onnx.helper.make_node("Add", ["bn_s", "t"], ["bn"]),
        ]
        lstm.input[0] = "bn"
        at = list(network.graph.node).index(lstm)
        nodes = list(network.graph.node)
        del network.graph.node[:]
        network.graph.node.extend([*nodes[:at], *before, *nodes[at:]])
        network.graph.initializer.extend([scale, shift])
        return onnx.shape_inference.infer_shapes(network), rows

    return build


def chosen(network, rows, technique):
    (layer,) = layers_of(network)
    proposal = technique.propose(layer, record_activations(network, [layer], rows)[layer.name])
    assert isinstance(proposal, Proposal)
    return {layer.name: proposal}


def operators(graph):
    inside = [a.g for node in graph.node for a in node.attribute if a.HasField("g")]
    return [node.op_type for node in graph.node] + [op for each in inside for op in operators(each)]


@pytest.mark.parametrize("technique", TECHNIQUES.values(), ids=TECHNIQUES.keys())
def test_all_forms_answer_alike(technique, stacked, run) -> None:
    network, rows = stacked()
    plan, x = chosen(network, rows(64), technique), rows(7, seed=2)
    any_number, single = Forms(network).with_proposals(plan), Forms(network, one_row=True).with_proposals(plan)
    alone = np.concatenate([run(single, x[row : row + 1]) for row in range(len(x))])
    np.testing.assert_allclose(run(any_number, x), alone, rtol=0, atol=2e-6)


def test_what_couples_rows_is_computed_row_by_row_without_moving_axes(stacked) -> None:
    network, rows = stacked()
    plan = chosen(network, rows(64), TECHNIQUES["coupling"])
    found = operators(Forms(network).with_proposals(plan).graph)
    assert found[0] == "Scan"
    assert "Transpose" not in found
    assert "Transpose" in operators(network.graph)


def test_one_row_needs_no_scan_and_takes_no_second_row(stacked, run) -> None:
    network, rows = stacked()
    single = Forms(network, one_row=True).with_proposals(chosen(network, rows(64), TECHNIQUES["coupling"]))
    assert "Scan" not in operators(single.graph)
    with pytest.raises(Exception, match="dimension"):
        run(single, rows(2))


def test_the_norm_and_what_prepares_the_input_are_one_map(stacked) -> None:
    """At run time one Mul and one Add stand between the window and what is left of the 11 bits."""
    network, rows = stacked()
    single = Forms(network, one_row=True).with_proposals(chosen(network, rows(64), Int8Lstm(residual=False)))
    moving = {single.graph.input[0].name}
    seen = []
    for node in single.graph.node:
        if moving & set(node.input):
            moving |= set(node.output)
            seen.append(node.op_type)
    assert seen[: seen.index("DynamicQuantizeLSTM")] == ["Reshape", "Mul", "Add"]


def test_what_keeps_rows_apart_stays_as_it_is(stacked) -> None:
    network, rows = stacked()
    plan = chosen(network, rows(8), TECHNIQUES["apart"])
    found = operators(Forms(network).with_proposals(plan).graph)
    assert "Scan" not in found
    assert found.count("Transpose") == operators(network.graph).count("Transpose")

"""A linear layer before an LSTM goes into its input weights where that is smaller; otherwise it stays, and says why."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper, numpy_helper

from dwcpc.compiler.passes.fold_linear_into_lstm import FoldLinearIntoLstm

PASS = FoldLinearIntoLstm()
T, Z, X, H = 6, 3, 8, 5
ROUNDING = 2e-6
"""Absolute, on LSTM outputs within ±1: a few units in the last place of the gate sums, in another order."""

GRAPH = """
    decoder (float[B,{z}] z) => (float[{t},{d},B,{h}] y{extra_output})
    <int64[1] time = {{1}}, int64[3] repeats = {{1, {t}, {last}}}>
    {{
        x = Gemm <{gemm}> (z, F, f)
        {extra_node}
        one = Unsqueeze (x, time)
        all = Expand (one, repeats)
        steps = Transpose <perm = [1, 0, 2]> (all)
        y = LSTM <hidden_size = {h}, direction = "{direction}"> (steps, W, R, b)
    }}"""


def decoder(*, gemm="", extra_node="", extra_output="", last=1, directions=1, z=Z, x=X, h=H, seed=0):
    """Return Gemm → Unsqueeze → Expand → Transpose → LSTM as a model with its shapes inferred."""
    rng = np.random.default_rng(seed)
    direction = "bidirectional" if directions == 2 else "forward"
    text = GRAPH.format(
        z=z,
        t=T,
        d=directions,
        h=h,
        gemm=gemm,
        extra_node=extra_node,
        extra_output=extra_output,
        last=last,
        direction=direction,
    )
    transposed = "transB = 1" in gemm
    weights = {
        "F": rng.normal(size=(x, z) if transposed else (z, x)),
        "f": rng.normal(size=x),
        "W": rng.normal(size=(directions, 4 * h, x)) / x**0.5,
        "R": rng.normal(size=(directions, 4 * h, h)) / h**0.5,
        "b": rng.normal(size=(directions, 8 * h)),
    }
    model = onnx.parser.parse_model(f'<ir_version: 9, opset_import: ["" : 20]>\n{text.replace("<>", "")}')
    model.graph.initializer.extend(
        numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()
    )
    return onnx.shape_inference.infer_shapes(model)


def rows(count, z=Z, seed=1):
    return np.random.default_rng(seed).normal(size=(count, z)).astype(np.float32)


def operators(model):
    return [node.op_type for node in model.graph.node]


@pytest.mark.parametrize("gemm", ["", "transB = 1"])
@pytest.mark.parametrize("directions", [1, 2])
def test_fires_where_the_code_is_widened_before_a_decoder(run, gemm, directions):
    model = decoder(gemm=gemm, directions=directions)
    result = PASS.apply(model)
    assert (result.changed, result.refused) == (1, ())
    assert operators(result.model) == ["Unsqueeze", "Expand", "Transpose", "LSTM"]
    assert {each.name for each in result.model.graph.initializer}.isdisjoint({"F", "f", "W", "b"})
    z = rows(4)
    np.testing.assert_allclose(run(result.model, z=z)[0], run(model, z=z)[0], rtol=0, atol=ROUNDING)


def test_a_weight_that_the_graph_gives_out_or_that_others_use_stays(run):
    model = decoder(extra_node="r = Gemm (z, F)", extra_output=f", float[B,{X}] r")
    model.graph.output.append(helper.make_tensor_value_info("f", onnx.TensorProto.FLOAT, [X]))
    result = PASS.apply(model)
    assert result.changed == 1
    assert {"F", "f"} <= {each.name for each in result.model.graph.initializer}
    z = rows(4)
    for before, after in zip(run(model, z=z), run(result.model, z=z), strict=True):
        np.testing.assert_allclose(after, before, rtol=0, atol=ROUNDING)


def test_a_bias_that_was_lost_would_be_seen(run):
    model = decoder()
    folded = PASS.apply(model).model
    for initializer in folded.graph.initializer:
        if initializer.name.endswith("_folded_B"):
            values = numpy_helper.to_array(initializer).copy()
            values[0, 0] += 1e-3
            initializer.CopyFrom(numpy_helper.from_array(values, initializer.name))
    z = rows(4)
    assert np.abs(run(folded, z=z)[0] - run(model, z=z)[0]).max() > 10 * ROUNDING


@pytest.mark.parametrize("shape", [(1,), (1, X)])
def test_refuses_a_bias_that_is_broadcast(shape):
    model = decoder()
    bias = next(each for each in model.graph.initializer if each.name == "f")
    bias.CopyFrom(numpy_helper.from_array(np.ones(shape, np.float32), "f"))
    result = PASS.apply(model)
    assert result.changed == 0
    assert "is broadcast" in result.refused[0]


def test_fires_without_anything_between(run):
    model = decoder()
    nodes = {node.op_type: node for node in model.graph.node}
    direct = helper.make_graph(
        [
            helper.make_node("Gemm", ["z", "F", "f"], ["x"]),
            helper.make_node("Unsqueeze", ["x", "time0"], ["steps"]),
            nodes["LSTM"],
        ],
        "direct",
        list(model.graph.input),
        [helper.make_tensor_value_info("y", 1, [1, 1, "B", H])],
        [*model.graph.initializer, numpy_helper.from_array(np.array([0]), "time0")],
    )
    direct_model = onnx.shape_inference.infer_shapes(helper.make_model(direct, opset_imports=model.opset_import))
    direct_model.ir_version = 9
    result = PASS.apply(direct_model)
    assert result.changed == 1
    z = rows(3)
    np.testing.assert_allclose(run(result.model, z=z)[0], run(direct_model, z=z)[0], rtol=0, atol=ROUNDING)


def test_is_idempotent():
    once = PASS.apply(decoder()).model
    twice = PASS.apply(once)
    assert (twice.changed, twice.refused) == (0, ())
    assert twice.model is once


def test_leaves_its_argument_alone():
    model = decoder()
    before = model.SerializeToString(deterministic=True)
    PASS.apply(model)
    assert model.SerializeToString(deterministic=True) == before


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"extra_node": "also = Relu (x)", "extra_output": f", float[B,{X}] also"}, "used elsewhere"),
        ({"gemm": "alpha = 2.0"}, "no plain"),
        ({"gemm": "beta = 0.5"}, "no plain"),
        ({"z": 8, "x": 8}, "not narrower"),
        ({"z": 9, "x": 8}, "its input of 9 is not narrower than its output of 8"),
        ({"last": X}, "changes the last axis"),
    ],
)
def test_refuses(options, reason):
    model = decoder(**options)
    result = PASS.apply(model)
    assert result.changed == 0
    assert result.model is model
    assert len(result.refused) == 1
    assert reason in result.refused[0]


@pytest.mark.parametrize(("node", "index"), [("Gemm", 2), ("LSTM", 3)])
def test_refuses_where_a_bias_is_missing(node, index):
    model = decoder()
    found = next(each for each in model.graph.node if each.op_type == node)
    del found.input[index:]
    result = PASS.apply(model)
    assert result.changed == 0
    assert "missing or computed at run time" in result.refused[0]


def test_says_nothing_of_an_lstm_without_a_linear_layer_before_it():
    model = decoder()
    del model.graph.node[0]
    model.graph.input[0].name = "x"
    assert PASS.apply(model).refused == ()


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(1, 12), st.integers(1, 20), st.integers(1, 9), st.integers(1, 2), st.integers(0, 1000))
def test_is_equal_for_every_size(run, z, wider, h, directions, seed):
    model = decoder(z=z, x=z + wider, h=h, directions=directions, seed=seed)
    result = PASS.apply(model)
    assert result.changed == 1
    values = rows(3, z, seed)
    np.testing.assert_allclose(run(result.model, z=values)[0], run(model, z=values)[0], rtol=0, atol=ROUNDING)

"""What nobody uses is neither computed nor stored."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import numpy_helper

from dwcpc.compiler.passes.drop_dead_outputs import DropDeadOutputs

PASS = DropDeadOutputs()
LSTM = """
    g (float[3,B,2] x) => ({outputs})
    {{
        [layer] all, last, cell = LSTM <hidden_size = 2> (x, W, R)
        {more}
    }}"""
SHAPES = {"all": "float[3,1,B,2] all", "last": "float[1,B,2] last", "cell": "float[1,B,2] cell"}


def lstm(*outputs, more=""):
    text = LSTM.format(outputs=", ".join(SHAPES[name] for name in outputs), more=more)
    model = onnx.parser.parse_model(f'<ir_version: 9, opset_import: ["" : 20]>\n{text}')
    rng = np.random.default_rng(0)
    weights = {"W": (1, 8, 2), "R": (1, 8, 2)}
    model.graph.initializer.extend(
        numpy_helper.from_array(rng.normal(size=size).astype(np.float32), name) for name, size in weights.items()
    )
    return onnx.shape_inference.infer_shapes(model)


@pytest.mark.parametrize(
    ("used", "left"),
    [
        (["all"], ["all"]),
        (["last"], ["", "last"]),
        (["cell"], ["", "", "cell"]),
        (["all", "cell"], ["all", "", "cell"]),
    ],
)
def test_states_that_nobody_uses_lose_their_names(run, used, left):
    model = lstm(*used)
    result = PASS.apply(model)
    assert (result.changed, result.refused) == (3 - len(used), ())
    assert list(result.model.graph.node[0].output) == left
    assert result.model.graph.node[0].name == "layer"
    x = np.random.default_rng(1).normal(size=(3, 4, 2)).astype(np.float32)
    for before, after in zip(run(model, x=x), run(result.model, x=x), strict=True):
        assert np.array_equal(before, after)


def test_nodes_and_initializers_that_nobody_uses_go(run):
    model = lstm("all", more="a = Exp (all) b = Mul (a, k)")
    model.graph.initializer.append(numpy_helper.from_array(np.ones(1, np.float32), "k"))
    result = PASS.apply(model)
    assert [node.op_type for node in result.model.graph.node] == ["LSTM"]
    assert {each.name for each in result.model.graph.initializer} == {"W", "R"}
    assert result.changed == 2 + 2 + 1 + 2  # two nodes, their outputs, k and two states


def test_what_the_graph_gives_out_stays():
    model = lstm("all")
    model.graph.output.append(onnx.helper.make_tensor_value_info("W", onnx.TensorProto.FLOAT, [1, 8, 2]))
    result = PASS.apply(model)
    assert "W" in {each.name for each in result.model.graph.initializer}


def test_what_a_subgraph_alone_uses_stays(parsed, run):
    text = """
        g (float[2] x, bool c) => (float[2] y) <float[2] k = {1, 2}>
        { a = Exp (x) d = Tanh (x)
          y = If (c) <then_branch = t () => (float[2] p) { p = Add (a, k) },
                       else_branch = e () => (float[2] q) { q = Neg (x) }> }"""
    model = parsed(text)
    result = PASS.apply(model)
    assert [node.op_type for node in result.model.graph.node] == ["Exp", "If"]
    inputs = {"x": np.ones(2, np.float32), "c": np.array(True)}
    assert np.array_equal(run(result.model, **inputs)[0], run(model, **inputs)[0])


def test_refuses_an_output_that_its_operator_must_have(parsed):
    model = parsed("g (float[4] x, int64[1] k) => (float[N] y) { y, i = TopK (x, k) }")
    result = PASS.apply(model)
    assert (result.changed, result.model) == (0, model)
    assert result.refused == ("TopK: nobody uses its output i, which is not optional",)


def test_is_idempotent_and_leaves_its_argument_alone():
    model = lstm("all")
    before = model.SerializeToString(deterministic=True)
    once = PASS.apply(model).model
    assert model.SerializeToString(deterministic=True) == before
    again = PASS.apply(once)
    assert (again.changed, again.refused) == (0, ())
    assert again.model is once


def test_onnxruntime_computes_no_state_without_a_name():
    model = PASS.apply(lstm("all")).model
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    assert [output.name for output in session.get_outputs()] == ["all"]


@settings(max_examples=20, deadline=None, derandomize=True)
@given(steps=st.integers(1, 6), rows=st.integers(1, 5))
def test_gives_the_same_bits_in_every_shape(run, steps, rows):
    model = lstm("all")
    for value in (model.graph.input[0], model.graph.output[0]):
        value.type.tensor_type.shape.dim[0].dim_param = "steps"
    x = np.random.default_rng(steps).normal(size=(steps, rows, 2)).astype(np.float32)
    assert np.array_equal(run(PASS.apply(model).model, x=x)[0], run(model, x=x)[0])

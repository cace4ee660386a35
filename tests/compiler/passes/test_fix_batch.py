"""For one row at a time: every shape is known, and what computed shapes goes."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dwcpc.compiler.passes import PASSES, run_passes
from dwcpc.compiler.passes.fix_batch import FixBatch

PASS = FixBatch()
GRAPH = """
    g (float[batch,3,4] x) => (float[batch,3,4] y) <int64[2] rows = {-1, 4}, int64[3] back = {-1, 3, 4}>
    { a = Reshape (x, rows) b = Tanh (a) y = Reshape (b, back) }"""
COMPUTED = """
    g (float[batch,3,4] x) => (float[batch,12] y) <int64[1] first = {0}, int64[1] rest = {-1}, int64[1] zero = {0}>
    { s = Shape (x) n = Gather (s, first) t = Concat <axis = 0> (n, rest) y = Reshape (x, t) }"""

REFUSALS = {
    "another batch": ("g (float[2,3] x) => (float[2,3] y) { y = Exp (x) }", "x: it takes 2 rows"),
    "a scalar": ("g (float x, float[batch] z) => (float[batch] y) { y = Add (x, z) }", "x: it has no axes"),
    "two names": (
        "g (float[n,3] x, float[m,3] z) => (float[K,3] y) { y = Concat <axis = 0> (x, z) }",
        "different names: 'm', 'n'",
    ),
    "no shape": ("g (float[n] x) => (float[n] y) { y = Exp (x) }", "x: its shape is not known"),
    "a contradiction": (
        "g (float[n,3] x) => (float[2,3] y) { y = Exp (x) }",
        "one row contradicts a shape in the graph",
    ),
}


def shape(value):
    return [size.dim_value or size.dim_param for size in value.type.tensor_type.shape.dim]


def constants(model):
    return {tuple(onnx.numpy_helper.to_array(each).reshape(-1).tolist()) for each in model.graph.initializer}


def test_fires_on_inputs_outputs_and_the_targets_of_reshapes(parsed, run):
    model = parsed(GRAPH)
    result = PASS.apply(model)
    assert (result.changed, result.refused) == (4, ())
    assert shape(result.model.graph.input[0]) == shape(result.model.graph.output[0]) == [1, 3, 4]
    assert constants(result.model) == {(3, 4), (1, 3, 4)}
    x = np.random.default_rng(0).normal(size=(1, 3, 4)).astype(np.float32)
    assert np.array_equal(run(result.model, x=x)[0], run(model, x=x)[0])


def test_an_axis_without_a_name_is_the_batch_as_well(parsed):
    model = parsed(GRAPH)
    model.graph.input[0].type.tensor_type.shape.dim[0].ClearField("dim_param")
    assert shape(PASS.apply(model).model.graph.input[0]) == [1, 3, 4]


def test_what_computes_shapes_is_constant_afterwards(parsed, run):
    model = parsed(COMPUTED)
    fixed, records = run_passes(model, (FixBatch(), *PASSES))
    assert [node.op_type for node in fixed.graph.node] == ["Reshape"]
    assert records[0].name == "fix_batch"
    x = np.random.default_rng(0).normal(size=(1, 3, 4)).astype(np.float32)
    assert np.array_equal(run(fixed, x=x)[0], run(model, x=x)[0])


def test_transposes_of_time_and_batch_become_reshapes(parsed):
    text = "g (float[batch,3,4] x) => (float[3,batch,4] y) { y = Transpose <perm = [1,0,2]> (x) }"
    assert [node.op_type for node in run_passes(parsed(text), (FixBatch(), *PASSES))[0].graph.node] == ["Reshape"]
    assert [node.op_type for node in run_passes(parsed(text))[0].graph.node] == ["Transpose"]


def test_is_none_of_the_passes_that_a_bundle_goes_through():
    assert PASS.name not in {each.name for each in PASSES}


@pytest.mark.parametrize("name", REFUSALS)
def test_refuses_the_whole_model_with_the_reason(parsed, name):
    text, reason = REFUSALS[name]
    model = onnx.parser.parse_model(f'<ir_version: 9, opset_import: ["" : 20]>\n{text}')
    if name == "no shape":
        model.graph.input[0].type.tensor_type.ClearField("shape")
    result = PASS.apply(model)
    assert result.changed == 0
    assert result.model is model
    assert reason in " ".join(result.refused)


def test_is_idempotent_and_leaves_its_argument_alone(parsed):
    model = parsed(GRAPH)
    before = model.SerializeToString(deterministic=True)
    once = PASS.apply(model).model
    assert model.SerializeToString(deterministic=True) == before
    again = PASS.apply(once)
    assert (again.changed, again.refused) == (0, ())
    assert again.model is once


@settings(max_examples=20, deadline=None, derandomize=True)
@given(timesteps=st.integers(1, 6), width=st.integers(1, 6))
def test_gives_the_same_row_in_every_shape(parsed, run, timesteps, width):
    text = f"""
        g (float[batch,{timesteps},{width}] x) => (float[{timesteps},batch,{width}] y)
        <int64[3] to = {{-1, {timesteps}, {width}}}, int64[2] rows = {{-1, {width}}}>
        {{ a = Reshape (x, rows) b = Tanh (a) c = Reshape (b, to) y = Transpose <perm = [1,0,2]> (c) }}"""
    model = parsed(text)
    fixed, _ = run_passes(model, (FixBatch(), *PASSES))
    x = np.random.default_rng(0).normal(size=(1, timesteps, width)).astype(np.float32)
    assert np.array_equal(run(fixed, x=x)[0], run(model, x=x)[0])

"""onnxsim folds what is constant and keeps what the model computes."""

from __future__ import annotations

import numpy as np
import onnxsim
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dwcpc.compiler.errors import DwcpcError
from dwcpc.compiler.passes.simplify import Simplify

PASS = Simplify()


def reshaping(timesteps=5, channels=4):
    """Flatten each window by shape arithmetic, as exporters write it, and scale it by a product of constants."""
    return f"""
        reshaping (float[B,{timesteps},{channels}] x) => (float[B,{timesteps * channels}] y)
        <float two = {{2.0}}, float three = {{3.0}}, int64[2] rest = {{1, 2}}, int64[1] minus_one = {{-1}}>
        {{
            shape = Shape (x)
            window = Gather <axis = 0> (shape, rest)
            width = ReduceProd <keepdims = 1> (window)
            target = Concat <axis = 0> (minus_one, width)
            flat = Reshape (x, target)
            twice = Identity (flat)
            six = Mul (two, three)
            y = Mul (twice, six)
        }}"""


def test_fires_on_constants_and_shape_arithmetic(parsed):
    model = parsed(reshaping())
    result = PASS.apply(model)
    assert result.changed == len(model.graph.node) - len(result.model.graph.node) > 0
    assert [node.op_type for node in result.model.graph.node] == ["Reshape", "Mul"]


def test_leaves_what_is_simple_already(parsed):
    model = parsed("g (float[B,4] x) => (float[B,4] y) { y = Exp (x) }")
    result = PASS.apply(model)
    assert (result.changed, result.refused) == (0, ())
    assert [node.op_type for node in result.model.graph.node] == ["Exp"]


def test_is_idempotent(parsed):
    once = PASS.apply(parsed(reshaping())).model
    again = PASS.apply(once)
    assert again.changed == 0
    assert again.model.graph.node == once.graph.node


def test_leaves_the_given_model_as_it_is(parsed):
    model = parsed(reshaping())
    before = model.SerializeToString(deterministic=True)
    PASS.apply(model)
    assert model.SerializeToString(deterministic=True) == before


@settings(max_examples=15, deadline=None, derandomize=True)
@given(batch=st.integers(1, 5), timesteps=st.integers(1, 9), channels=st.integers(1, 9))
def test_computes_the_same_bits_in_every_shape_with_the_batch_axis_free(parsed, run, batch, timesteps, channels):
    model = parsed(reshaping(timesteps, channels))
    x = np.random.default_rng(0).normal(size=(batch, timesteps, channels)).astype(np.float32)
    (before,), (after,) = run(model, x=x), run(PASS.apply(model).model, x=x)
    assert np.array_equal(after, before)
    assert not np.array_equal(after, np.nextafter(before, np.float32(np.inf)))


def test_refuses_a_result_that_onnxsim_itself_finds_different(parsed, monkeypatch):
    monkeypatch.setattr(onnxsim, "simplify", lambda model: (model, False))
    with pytest.raises(DwcpcError, match="differs from its input; report the model"):
        PASS.apply(parsed(reshaping()))


def test_leaves_a_graph_that_onnxsim_cannot_take_and_says_why(parsed, monkeypatch):
    def failing(model):
        raise RuntimeError("no kernel for this\nand more")

    monkeypatch.setattr(onnxsim, "simplify", failing)
    model = parsed(reshaping())
    result = PASS.apply(model)
    assert result.model is model
    assert (result.changed, result.refused) == (0, ("onnxsim does not take the graph: no kernel for this",))

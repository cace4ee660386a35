"""What is alike at every timestep is computed once, before it is repeated."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dwcpc.compiler.passes.hoist_above_repeat import HoistAboveRepeat

PASS = HoistAboveRepeat()
EXPAND = "int64[3] times = {1, 5, 1}"
HEAD = f"g (float[B,1,3] v) => (float[N,M,K] y) <{EXPAND}"
MATRIX = "float[3,2] W = {1, 2, 3, 4, 5, 6}"
DENSE = "int64[2] rows = {-1, 3}, int64[3] back = {-1, 5, 2}, float[3,2] W = {1, 2, 3, 4, 5, 6}, float[2] b = {0.5, -1}"

FIRES = {
    "a product": (f"{HEAD}, {MATRIX}> {{ r = Expand (v, times) y = MatMul (r, W) }}", ["MatMul", "Expand"]),
    "a tiled product": (f"{HEAD}, {MATRIX}> {{ r = Tile (v, times) y = MatMul (r, W) }}", ["MatMul", "Tile"]),
    "a product and its bias": (
        f"{HEAD}, {MATRIX}, float[2] b = {{1, 2}}> {{ r = Expand (v, times) p = MatMul (r, W) y = Add (b, p) }}",
        ["MatMul", "Add", "Expand"],
    ),
    "a curve": (f"{HEAD}> {{ r = Expand (v, times) y = Tanh (r) }}", ["Tanh", "Expand"]),
    "an operand alike over time": (
        f"{HEAD}, float[1,3] k = {{1, 2, 3}}> {{ r = Expand (v, times) y = Mul (r, k) }}",
        ["Mul", "Expand"],
    ),
    "a transpose": (f"{HEAD}> {{ r = Expand (v, times) y = Transpose <perm = [1,0,2]> (r) }}", ["Transpose", "Expand"]),
    "a dense layer at each timestep": (
        f"{HEAD}, {DENSE}> {{ r = Expand (v, times) f = Reshape (r, rows) g = Gemm (f, W, b) t = Tanh (g) "
        "y = Reshape (t, back) }",
        ["Reshape", "Gemm", "Tanh", "Reshape", "Expand"],
    ),
    "a chain, to its end": (
        f"{HEAD}, {DENSE}> {{ r = Tile (v, times) t = Relu (r) f = Reshape (t, rows) g = Gemm (f, W, b) "
        "u = Reshape (g, back) y = Transpose <perm = [1,0,2]> (u) }",
        ["Relu", "Reshape", "Gemm", "Reshape", "Transpose", "Tile"],
    ),
    "axes that Expand adds": (
        "g (float[B,3] v) => (float[5,B,2] y) <int64[3] times = {5, 1, 1}, "
        f"{MATRIX}> {{ r = Expand (v, times) y = MatMul (r, W) }}",
        ["MatMul", "Expand"],
    ),
    "Expand to a size that is there": (
        f"g (float[B,1,3] v) => (float[B,5,2] y) <int64[3] times = {{1, 5, 3}}, {MATRIX}> "
        "{ r = Expand (v, times) y = MatMul (r, W) }",
        ["MatMul", "Expand"],
    ),
}

REFUSALS = {
    "used twice": (
        "g (float[B,1,3] v) => (float[B,5,3] y, float[B,5,3] z) "
        f"<{EXPAND}> {{ r = Expand (v, times) y = Tanh (r) z = Exp (r) }}",
        "used elsewhere as well",
    ),
    "given out": (
        f"g (float[B,1,3] v) => (float[B,5,3] y, float[B,5,3] r) <{EXPAND}> {{ r = Expand (v, times) y = Tanh (r) }}",
        "used elsewhere as well",
    ),
    "varies over time": (
        f"{HEAD}, float[5,1] k = {{1, 2, 3, 4, 5}}> {{ r = Expand (v, times) y = Add (r, k) }}",
        "varies along a repeated axis",
    ),
    "operand with more axes": (
        f"g (float[B,1,3] v) => (float[2,B,5,3] y) <{EXPAND}, float[2,1,1,1] k = {{1, 2}}> "
        "{ r = Expand (v, times) y = Add (r, k) }",
        "has more axes",
    ),
    "computed operand": (
        f"g (float[B,1,3] v, float[3] k) => (float[B,5,3] y) <{EXPAND}> {{ r = Expand (v, times) y = Add (r, k) }}",
        "is computed at run time",
    ),
    "computed times": (
        "g (float[B,1,3] v, int64[3] times) => (float[B,5,3] y) { r = Expand (v, times) y = Tanh (r) }",
        "how often it repeats is computed at run time",
    ),
    "computed matrix": (
        f"g (float[B,1,3] v, float[3,2] W) => (float[B,5,2] y) <{EXPAND}> "
        "{ r = Expand (v, times) y = MatMul (r, W) }",
        "no product with a constant matrix",
    ),
    "summed": (
        f"g (float[B,2,1] v) => (float[B,2,2] y) <int64[3] times = {{1, 1, 3}}, {MATRIX}> "
        "{ r = Expand (v, times) y = MatMul (r, W) }",
        "sums over a repeated axis",
    ),
    "not of size 1": (
        "g (float[B,2,3] v) => (float[B,4,3] y) <int64[3] times = {1, 2, 1}> { r = Tile (v, times) y = Tanh (r) }",
        "not known to be of size 1",
    ),
    "rows repeated": (
        "g (float[B,1,3] v) => (float[N,5,3] y) <int64[3] times = {2, 5, 1}> { r = Expand (v, times) y = Tanh (r) }",
        "not known to be of size 1",
    ),
    "added axes moved": (
        "g (float[B,3] v) => (float[B,5,3] y) <int64[3] times = {5, 1, 1}> "
        "{ r = Expand (v, times) y = Transpose <perm = [1,0,2]> (r) }",
        "it adds axes",
    ),
    "another regrouping": (
        f"{HEAD}, int64[2] flat = {{-1, 15}}> {{ r = Expand (v, times) a = Reshape (r, flat) y = Tanh (a) }}".replace(
            "[N,M,K]", "[N,15]"
        ),
        "not the first of a dense layer",
    ),
    "a bias for each row": (
        "g (float[2,1,3] v) => (float[2,5,2] y) <int64[3] times = {1, 5, 1}, int64[2] rows = {-1, 3}, "
        "int64[3] back = {-1, 5, 2}, float[3,2] W = {1, 2, 3, 4, 5, 6}, float[10,1] b = {1,2,3,4,5,6,7,8,9,10}> "
        "{ r = Expand (v, times) f = Reshape (r, rows) g = Gemm (f, W, b) y = Reshape (g, back) }",
        "not the first of a dense layer",
    ),
    "rows given back otherwise": (
        f"{HEAD}, {DENSE.replace('-1, 5, 2', '5, -1, 2')}> {{ r = Expand (v, times) f = Reshape (r, rows) "
        "g = Gemm (f, W, b) y = Reshape (g, back) }",
        "not the first of a dense layer",
    ),
}


def operators(model):
    return [node.op_type for node in model.graph.node]


def drawn(model, batch=4):
    sizes = [size.dim_value or batch for size in model.graph.input[0].type.tensor_type.shape.dim]
    return np.random.default_rng(0).normal(size=sizes).astype(np.float32)


@pytest.mark.parametrize("name", FIRES)
def test_fires_and_gives_the_same(parsed, run, name):
    text, expected = FIRES[name]
    model = parsed(text)
    result = PASS.apply(model)
    assert result.changed > 0
    assert operators(result.model) == expected
    v = drawn(model)
    np.testing.assert_allclose(run(result.model, v=v)[0], run(model, v=v)[0], rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize("name", FIRES)
def test_is_idempotent_and_leaves_its_argument_alone(parsed, name):
    model = parsed(FIRES[name][0])
    before = model.SerializeToString(deterministic=True)
    once = PASS.apply(model).model
    assert model.SerializeToString(deterministic=True) == before
    again = PASS.apply(once)
    assert (again.changed, again.refused) == (0, ())
    assert again.model is once


@pytest.mark.parametrize("name", REFUSALS)
def test_refuses_with_the_reason(refused_once, name):
    refused_once(PASS, *REFUSALS[name])


def test_refuses_when_the_shape_is_missing(parsed):
    model = parsed("g (float[B,1,3] v) => (float[N,M,K] y) <int64[3] times = {1, 5, 1}> "
                   "{ a = Exp (v) r = Expand (a, times) y = Tanh (r) }")  # fmt: skip
    del model.graph.value_info[:]
    assert "is not known" in PASS.apply(model).refused[0]


def test_what_is_no_function_of_each_timestep_is_none_of_its_business(parsed):
    text = f"g (float[B,1,3] v) => (float[B,1,3] y) <{EXPAND}, int64[1] axes = {{1}}> {{ r = Expand (v, times) "
    result = PASS.apply(parsed(f"{text} y = ReduceSum (r, axes) }}"))
    assert (result.changed, result.refused) == (0, ())


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    sizes=st.tuples(st.integers(1, 5), st.integers(1, 6), st.integers(2, 40), st.integers(1, 40)),
    repeat=st.sampled_from(["Expand", "Tile"]),
)
def test_a_dense_layer_gives_the_same_in_every_shape(parsed, run, sizes, repeat):
    batch, timesteps, width, units = sizes
    rng = np.random.default_rng(0)
    matrix = ", ".join(map(str, rng.normal(size=width * units) / width**0.5))
    text = f"""
        g (float[B,1,{width}] v) => (float[B,{timesteps},{units}] y)
        <int64[3] times = {{1, {timesteps}, 1}}, int64[2] rows = {{-1, {width}}},
         int64[3] back = {{-1, {timesteps}, {units}}}, float[{width},{units}] W = {{{matrix}}}>
        {{ r = {repeat} (v, times) f = Reshape (r, rows) g = Gemm (f, W) y = Reshape (g, back) }}"""
    model = parsed(text)
    result = PASS.apply(model)
    assert result.changed == 1
    assert len(result.model.graph.node) == len(model.graph.node)
    v = rng.normal(size=(batch, 1, width)).astype(np.float32)
    np.testing.assert_allclose(run(result.model, v=v)[0], run(model, v=v)[0], rtol=0, atol=3e-6)

"""Operators that only move axes meet and become fewer, through what stands between, and never more."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dwcpc.compiler.passes.cancel_layout_pairs import CancelLayoutPairs

PASS = CancelLayoutPairs()

FIRES = {
    "transposes that undo each other": (
        "g (float[B,3,4] x) => (float[B,3,4] y) { a = Transpose <perm = [1,0,2]> (x) "
        "b = Transpose <perm = [1,0,2]> (a) y = Exp (b) }",
        ["Exp"],
    ),
    "two transposes": (
        "g (float[B,3,4] x) => (float[4,B,3] y) { a = Transpose <perm = [1,0,2]> (x) "
        "y = Transpose <perm = [2,1,0]> (a) }",
        ["Transpose"],
    ),
    "a transpose without a permutation reverses": (
        "g (float[B,3,4] x) => (float[B,3,4] y) { a = Transpose (x) b = Transpose (a) y = Exp (b) }",
        ["Exp"],
    ),
    "a transpose of an axis of size 1": (
        "g (float[B,1,4] x) => (float[1,B,4] y) { y = Transpose <perm = [1,0,2]> (x) }",
        ["Reshape"],
    ),
    "squeeze and unsqueeze": (
        "g (float[B,1,4] x) => (float[B,1,4] y) <int64[1] one = {1}> "
        "{ a = Squeeze (x, one) b = Unsqueeze (a, one) y = Exp (b) }",
        ["Exp"],
    ),
    "reshapes with a function of each element between": (
        "g (float[B,3,4] x) => (float[B,3,4] y) <int64[2] rows = {-1, 4}, int64[3] back = {-1, 3, 4}> "
        "{ a = Reshape (x, rows) b = Tanh (a) y = Reshape (b, back) }",
        ["Tanh"],
    ),
    "transposes with an operand along an axis between": (
        "g (float[B,3,4] x) => (float[B,3,4] y) <float[3,1] k = {1, 2, 3}> "
        "{ a = Transpose <perm = [2,1,0]> (x) b = Mul (k, a) y = Transpose <perm = [2,1,0]> (b) }",
        ["Mul"],
    ),
    "an operand of one value": (
        "g (float[B,3,4] x) => (float[B,12] y) <int64[3] up = {-1, 12, 1}, int64[2] back = {-1, 12}, "
        "float[1,1,1] k = {3}> { a = Reshape (x, up) b = Sub (a, k) y = Reshape (b, back) }",
        ["Reshape", "Sub"],
    ),
    "a softmax whose axis moves": (
        "g (float[R,1] x) => (float[B,1,6] y) <int64[3] back = {-1, 6, 1}> "
        "{ a = Reshape (x, back) b = Softmax <axis = 1> (a) y = Transpose <perm = [0,2,1]> (b) }",
        ["Reshape", "Softmax"],
    ),
    "directions of an LSTM joined, then batch first": (
        "g (float[5,2,B,3] x) => (float[B,5,6] y) <int64[3] join = {0, 0, -1}> { a = Transpose <perm = [0,2,1,3]> (x) "
        "b = Reshape (a, join) y = Transpose <perm = [1,0,2]> (b) }",
        ["Transpose", "Reshape"],
    ),
    "a batch norm over an axis that stays": (
        "g (float[B,5,2,3] x) => (float[R,6] y) <int64[3] join = {0, 0, -1}, int64[2] rows = {-1, 6}, "
        "float[5] s = {1,2,3,4,5}, float[5] o = {5,4,3,2,1}, float[5] m = {0,1,0,1,0}, float[5] v = {1,2,1,2,1}> "
        "{ a = Reshape (x, join) b = BatchNormalization (a, s, o, m, v) y = Reshape (b, rows) }",
        ["BatchNormalization", "Reshape"],
    ),
    "one of two uses": (
        "g (float[B,3,4] x) => (float[B,3,4] y, float[3,B,4] z) { a = Transpose <perm = [1,0,2]> (x) "
        "b = Transpose <perm = [1,0,2]> (a) y = Exp (b) z = Exp (a) }",
        ["Transpose", "Exp", "Exp"],
    ),
}

STAYS = {
    "one operator": "g (float[B,3,4] x) => (float[3,B,4] y) { y = Transpose <perm = [1,0,2]> (x) }",
    "an operand that would be broadcast in part": (
        "g (float[B,12] x) => (float[B,12] y) <float[3,1] k = {1, 2, 3}, int64[3] up = {-1, 3, 4}, "
        "int64[2] back = {-1, 12}> { a = Reshape (x, up) b = Mul (a, k) y = Reshape (b, back) }"
    ),
    "a sum over an axis": (
        "g (float[B,3,4] x) => (float[B,4,1] y) <int64[1] axes = {2}> { a = Transpose <perm = [2,0,1]> (x) "
        "s = ReduceSum (a, axes) y = Transpose <perm = [1,0,2]> (s) }"
    ),
    "the graph's own output of what would vanish": (
        "g (float[B,3,4] x) => (float[B,3,4] y) { a = Transpose <perm = [1,0,2]> (x) "
        "y = Transpose <perm = [1,0,2]> (a) }"
    ),
}

REFUSED = {
    "shared": (
        "g (float[B,3,4] x) => (float[4,B,3] y, float[3,B,4] z) { a = Transpose <perm = [1,0,2]> (x) "
        "y = Transpose <perm = [2,1,0]> (a) z = Exp (a) }",
        "is used elsewhere as well",
    ),
    "sizes that do not say what moved": (
        "g (float[N,M] x) => (float[K,L] y) <int64[2] to = {-1, 6}, int64[2] on = {4, -1}> "
        "{ a = Reshape (x, to) y = Reshape (a, on) }",
        "shapes do not say",
    ),
}


def operators(model):
    return [node.op_type for node in model.graph.node]


def drawn(model, batch=4):
    sizes = [size.dim_value or batch * (6 if size.dim_param == "R" else 1) for size in shape(model.graph.input[0])]
    return np.random.default_rng(0).normal(size=sizes).astype(np.float32)


def shape(value):
    return value.type.tensor_type.shape.dim


@pytest.mark.parametrize("name", FIRES)
def test_fires_and_gives_the_same_bits(parsed, run, name):
    text, expected = FIRES[name]
    model = parsed(text)
    result = PASS.apply(model)
    assert result.changed > 0
    assert operators(result.model) == expected
    used = {name for node in result.model.graph.node for name in node.input}
    assert {weight.name for weight in result.model.graph.initializer} <= used  # onnxruntime warns of others
    x = drawn(model)
    for before, after in zip(run(model, x=x), run(result.model, x=x), strict=True):
        assert np.array_equal(before, after)


@pytest.mark.parametrize("name", FIRES)
def test_is_idempotent(parsed, name):
    once = PASS.apply(parsed(FIRES[name][0])).model
    again = PASS.apply(once)
    assert again.changed == 0
    assert again.model is once


@pytest.mark.parametrize("name", STAYS)
def test_leaves_what_gets_no_shorter(parsed, name):
    model = parsed(STAYS[name])
    result = PASS.apply(model)
    assert (result.changed, result.refused) == (0, ())
    assert result.model is model


@pytest.mark.parametrize("name", REFUSED)
def test_refuses_with_the_reason(refused_once, name):
    refused_once(PASS, *REFUSED[name])


def test_refuses_when_shapes_are_missing(parsed):
    model = parsed(FIRES["reshapes with a function of each element between"][0])
    del model.graph.value_info[:]
    assert operators(PASS.apply(model).model) == ["Reshape", "Tanh", "Reshape"]


def test_a_softmax_before_opset_13_stays_where_it_is(parsed):
    model = parsed(FIRES["a softmax whose axis moves"][0])
    model.opset_import[0].version = 12
    assert operators(PASS.apply(model).model)[1:2] == ["Softmax"]
    assert PASS.apply(model).model.graph.node[1].attribute[0].i == 1


def test_the_names_of_outputs_and_of_what_stands_between_stay(parsed):
    text = (
        "g (float[B,3,4] x) => (float[B,3,4] y) { [first] a = Transpose <perm = [1,0,2]> (x) [middle] b = Tanh (a) "
        "[last] y = Transpose <perm = [1,0,2]> (b) }"
    )
    result = PASS.apply(parsed(text)).model
    assert [node.name for node in result.graph.node] == ["middle"]
    assert [value.name for value in result.graph.output] == ["y"]


def test_what_a_subgraph_uses_stays(parsed, run):
    text = """
        g (float[2,3] x, bool c) => (float[2,3] y)
        {
            a = Transpose <perm = [1,0]> (x)
            b = Transpose <perm = [1,0]> (a)
            s = If (c) <then_branch = t () => (float[3,2] p) { p = Exp (a) },
                        else_branch = e () => (float[3,2] q) { q = Tanh (a) }>
            z = Transpose <perm = [1,0]> (s)
            y = Add (b, z)
        }"""
    model = parsed(text)
    result = PASS.apply(model)
    assert operators(result.model) == ["Transpose", "If", "Transpose", "Add"]
    inputs = {"x": np.arange(6, dtype=np.float32).reshape(2, 3), "c": np.array(True)}
    assert np.array_equal(run(result.model, **inputs)[0], run(model, **inputs)[0])


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    sizes=st.lists(st.integers(1, 4), min_size=3, max_size=3),
    first=st.permutations(range(3)),
    second=st.permutations(range(3)),
    between=st.sampled_from(["Tanh (a)", "Mul (a, k)", "Softmax <axis = 1> (a)", "Add (k, a)"]),
)
def test_gives_the_same_in_every_shape_and_never_more_nodes(parsed, run, sizes, first, second, between):
    moved = [sizes[axis] for axis in first]
    last = [moved[axis] for axis in second]
    values = ", ".join(str(float(index)) for index in range(moved[1]))
    text = f"""
        g (float{sizes} x) => (float{last} y) <float[{moved[1]},1] k = {{{values}}}>
        {{ a = Transpose <perm = {list(first)}> (x) b = {between} y = Transpose <perm = {list(second)}> (b) }}"""
    model = parsed(text)
    result = PASS.apply(model)
    assert len(result.model.graph.node) <= 3
    x = np.random.default_rng(1).normal(size=sizes).astype(np.float32)
    assert np.allclose(run(result.model, x=x)[0], run(model, x=x)[0], rtol=0, atol=1e-6)

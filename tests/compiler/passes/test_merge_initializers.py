"""Initializers of the same bytes become one, and only those."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper, numpy_helper

from dwcpc.compiler.passes.merge_initializers import MergeInitializers

PASS = MergeInitializers()
ONE, NAN = np.float32(1), np.float32(np.nan)


def with_two(first, second, outputs=(), inputs=()):
    """Return a model whose two Identity nodes give out a constant each."""
    arrays = {"p": np.asarray(first), "q": np.asarray(second)}
    infos = {
        name: helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in arrays.items()
    }
    graph = helper.make_graph(
        [helper.make_node("Identity", [name], [f"{name}_out"]) for name in arrays],
        "g",
        [infos[name] for name in inputs],
        [
            *(
                helper.make_tensor_value_info(f"{name}_out", helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
                for name, array in arrays.items()
            ),
            *(infos[name] for name in outputs),
        ],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    return helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 20)])


def names(model):
    return [each.name for each in model.graph.initializer]


EQUAL = {
    "weights": (np.arange(6, dtype=np.float32), np.arange(6, dtype=np.float32)),
    "shapes": (np.array([-1, 3]), np.array([-1, 3])),
    "NaN": (np.array([NAN]), np.array([NAN])),
    "large": (np.zeros(5000, np.float32), np.zeros(5000, np.float32)),
    "empty": (np.zeros((0, 2), np.float32), np.zeros((0, 2), np.float32)),
}
DIFFERENT = {
    "values": (np.array([ONE]), np.array([ONE * 2])),
    "zeros of either sign": (np.array([0.0], np.float32), np.array([-0.0], np.float32)),
    "types of the same bytes": (np.array([0], np.int32), np.array([0.0], np.float32)),
    "shapes of the same bytes": (np.ones((2, 3), np.float32), np.ones((3, 2), np.float32)),
    "a scalar and a vector": (np.array(ONE), np.array([ONE])),
    "NaNs of other bits": (np.uint32([0x7FC00000]).view(np.float32), np.uint32([0x7FC00001]).view(np.float32)),
    "strings": (np.array(["a"], object), np.array(["a"], object)),
}


@pytest.mark.parametrize("name", EQUAL)
def test_fires_on_equal_bytes(run, name):
    model = with_two(*EQUAL[name])
    result = PASS.apply(model)
    assert (result.changed, result.refused) == (1, ())
    assert names(result.model) == ["p"]
    for before, after in zip(run(model), run(result.model), strict=True):
        assert np.array_equal(before, after, equal_nan=True)


@pytest.mark.parametrize("name", DIFFERENT)
def test_leaves_what_is_not_the_same(name):
    model = with_two(*DIFFERENT[name])
    result = PASS.apply(model)
    assert (result.changed, result.refused) == (0, ())
    assert result.model is model


def test_refuses_a_copy_that_the_graph_gives_out():
    model = with_two(np.ones(2), np.ones(2), outputs=["q"])
    result = PASS.apply(model)
    assert result.refused == ("q: the graph gives it out under this name",)
    assert result.model is model


@pytest.mark.parametrize("overridable", ["p", "q"])
def test_leaves_what_a_caller_may_override(overridable):
    result = PASS.apply(with_two(np.ones(2), np.ones(2), inputs=[overridable]))
    assert result.changed == 0


def test_each_subgraph_has_its_own(parsed, run):
    text = """
        g (float[2] x, bool c) => (float[2] y) <float[2] k = {1, 2}, float[2] l = {1, 2}>
        { a = Add (x, k)
          y = If (c) <then_branch = t () => (float[2] p) { p = Add (a, l) },
                       else_branch = e () => (float[2] q) { q = Neg (x) }> }"""
    model = parsed(text)
    result = PASS.apply(model)
    assert result.changed == 1
    inputs = {"x": np.ones(2, np.float32), "c": np.array(True)}
    assert np.array_equal(run(result.model, **inputs)[0], run(model, **inputs)[0])


def test_is_idempotent_and_leaves_its_argument_alone():
    model = with_two(np.ones(2), np.ones(2))
    before = model.SerializeToString(deterministic=True)
    once = PASS.apply(model).model
    assert model.SerializeToString(deterministic=True) == before
    assert PASS.apply(once).model is once


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    values=st.lists(st.floats(width=32), min_size=1, max_size=3),
    other=st.lists(st.floats(width=32), min_size=1, max_size=3),
)
def test_merges_exactly_what_has_the_same_bits(values, other):
    first, second = (np.array(each, np.float32) for each in (values, other))
    same = first.shape == second.shape and first.tobytes() == second.tobytes()
    assert PASS.apply(with_two(first, second)).changed == same
    assert PASS.apply(with_two(first, first.copy())).changed == 1

"""An Expand takes a vector as it is where only axes of size 1 were put before its own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dwcpc.compiler.passes.drop_leading_axes_before_expand import DropLeadingAxesBeforeExpand

PASS = DropLeadingAxesBeforeExpand()
HEAD = "g (float[B,3] v) => (float[5,B,3] y)"
FIRES = {
    "unsqueezed": f"{HEAD} <int64[1] axes = {{0}}, int64[3] times = {{5, 1, 1}}> "
    "{ u = Unsqueeze (v, axes) y = Expand (u, times) }",
    "reshaped": f"{HEAD} <int64[3] to = {{1, -1, 3}}, int64[3] times = {{5, 1, 1}}> "
    "{ u = Reshape (v, to) y = Expand (u, times) }",
    "twice": "g (float[B,3] v) => (float[2,5,B,3] y) <int64[2] axes = {0, 1}, int64[4] times = {2, 5, 1, 1}> "
    "{ u = Unsqueeze (v, axes) y = Expand (u, times) }",
}
REFUSALS = {
    "in the middle": (
        "g (float[B,3] v) => (float[B,5,3] y) <int64[1] axes = {1}, int64[3] times = {1, 5, 1}> "
        "{ u = Unsqueeze (v, axes) y = Expand (u, times) }",
        "it does more than to put axes of size 1 in front",
    ),
    "used twice": (
        "g (float[B,3] v) => (float[5,B,3] y, float[1,B,3] z) <int64[1] axes = {0}, int64[3] times = {5, 1, 1}> "
        "{ u = Unsqueeze (v, axes) y = Expand (u, times) z = Exp (u) }",
        "used elsewhere as well",
    ),
    "fewer axes than it has": (
        "g (float[B,3] v) => (float[1,B,3] y) <int64[1] axes = {0}, int64[1] times = {1}> "
        "{ u = Unsqueeze (v, axes) y = Expand (u, times) }",
        "does not name every axis",
    ),
    "computed": (
        "g (float[B,3] v, int64[3] times) => (float[N,M,K] y) <int64[1] axes = {0}> "
        "{ u = Unsqueeze (v, axes) y = Expand (u, times) }",
        "does not name every axis",
    ),
}


@pytest.mark.parametrize("name", FIRES)
def test_fires_and_gives_the_same_bits(parsed, run, name):
    model = parsed(FIRES[name])
    result = PASS.apply(model)
    assert (result.changed, result.refused) == (1, ())
    assert [node.op_type for node in result.model.graph.node] == ["Expand"]
    v = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    assert np.array_equal(run(result.model, v=v)[0], run(model, v=v)[0])


@pytest.mark.parametrize("name", REFUSALS)
def test_refuses_with_the_reason(refused_once, name):
    refused_once(PASS, *REFUSALS[name])


def test_refuses_when_shapes_are_missing(parsed):
    model = parsed(FIRES["unsqueezed"])
    del model.graph.value_info[:]
    assert "its shapes are not known" in PASS.apply(model).refused[0]


def test_is_idempotent_and_leaves_its_argument_alone(parsed):
    model = parsed(FIRES["unsqueezed"])
    before = model.SerializeToString(deterministic=True)
    once = PASS.apply(model).model
    assert model.SerializeToString(deterministic=True) == before
    assert PASS.apply(once).model is once


@settings(max_examples=20, deadline=None, derandomize=True)
@given(sizes=st.lists(st.integers(1, 4), min_size=1, max_size=3), times=st.integers(1, 5))
def test_gives_the_same_in_every_shape(parsed, run, sizes, times):
    wanted = [times, *(1 for _ in sizes)]
    text = f"""g (float{sizes} v) => (float{[times, *sizes]} y)
        <int64[1] axes = {{0}}, int64[{len(wanted)}] times = {{{", ".join(map(str, wanted))}}}>
        {{ u = Unsqueeze (v, axes) y = Expand (u, times) }}"""
    model = parsed(text)
    result = PASS.apply(model)
    assert result.changed == 1
    v = np.random.default_rng(0).normal(size=sizes).astype(np.float32)
    assert np.array_equal(run(result.model, v=v)[0], run(model, v=v)[0])

"""Attention pooling becomes a product that has the same bits at every batch size; other sums are left and explained."""

from __future__ import annotations

import io
import warnings

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from dwcpc.compiler.passes import run_passes
from dwcpc.compiler.passes.weighted_sum_to_matmul import WeightedSumToMatmul

PASS = WeightedSumToMatmul()
TIMESTEPS, CHANNELS = 30, 128
ROUNDING = 2.0**-22
"""Relative to Σ|a·h|, of two orders of a few dozen additions in float32."""


def pooling(*, timesteps=TIMESTEPS, channels=CHANNELS, keepdims=0, product="Mul (a, h)", axis=1):
    kept = ",1" if keepdims else ""
    return f"""
        pooling (float[B,{timesteps},1] a, float[B,{timesteps},{channels}] h)
            => (float[B{kept},{channels}] y)
        <int64[1] axes = {{{axis}}}>
        {{
            p = {product}
            y = ReduceSum <keepdims = {keepdims}> (p, axes)
        }}"""


def drawn(batch, timesteps=TIMESTEPS, channels=CHANNELS, seed=0):
    rng = np.random.default_rng(seed)
    a = rng.random((batch, timesteps, 1)).astype(np.float32)
    return {"a": a / a.sum(1, keepdims=True), "h": rng.normal(size=(batch, timesteps, channels)).astype(np.float32)}


def operators(model):
    return [node.op_type for node in model.graph.node]


def differing_bits(model, run, batch):
    """Count the values that are others when rows are computed together than when each is computed alone."""
    rows = drawn(batch)
    alone = [run(model, a=rows["a"][i : i + 1], h=rows["h"][i : i + 1])[0] for i in range(batch)]
    together = run(model, **rows)[0]
    return int((together.view(np.uint32) != np.concatenate(alone).view(np.uint32)).sum())


@pytest.mark.parametrize("product", ["Mul (a, h)", "Mul (h, a)"])
@pytest.mark.parametrize("axis", [1, -2])
@pytest.mark.parametrize(
    ("keepdims", "expected"), [(0, ["Transpose", "MatMul", "Squeeze"]), (1, ["Transpose", "MatMul"])]
)
def test_fires_on_a_weighted_sum_over_time(parsed, product, axis, keepdims, expected):
    result = PASS.apply(parsed(pooling(product=product, axis=axis, keepdims=keepdims)))
    assert (result.changed, result.refused) == (1, ())
    assert operators(result.model) == expected


def test_fires_on_each_of_several_sums(parsed, run):
    model = parsed(
        """
        pooling (float[B,5,1] a, float[B,5,4] h, float[B,5,3] g) => (float[B,4] y, float[B,3] z)
        <int64[1] axes = {1}>
        {
            p = Mul (a, h)
            y = ReduceSum <keepdims = 0> (p, axes)
            q = Mul (a, g)
            z = ReduceSum <keepdims = 0> (q, axes)
        }"""
    )
    result = PASS.apply(model)
    assert result.changed == 2
    rng = np.random.default_rng(0)
    inputs = {name: rng.random((3, 5, width)).astype(np.float32) for name, width in (("a", 1), ("h", 4), ("g", 3))}
    for before, after in zip(run(model, **inputs), run(result.model, **inputs), strict=True):
        np.testing.assert_allclose(after, before, rtol=1e-6)


REFUSALS = {
    "no product": (pooling(product="Add (a, h)"), "what is summed is not a product"),
    "an input": (
        "g (float[B,5,4] h) => (float[B,4] y) <int64[1] axes = {1}> { y = ReduceSum <keepdims = 0> (h, axes) }",
        "what is summed is not a product",
    ),
    "product used twice": (
        """
        g (float[B,5,1] a, float[B,5,4] h) => (float[B,4] y, float[B,5,4] z) <int64[1] axes = {1}>
        { p = Mul (a, h) y = ReduceSum <keepdims = 0> (p, axes) z = Neg (p) }""",
        "the product is used elsewhere as well",
    ),
    "product is an output": (
        """
        g (float[B,5,1] a, float[B,5,4] h) => (float[B,4] y, float[B,5,4] p) <int64[1] axes = {1}>
        { p = Mul (a, h) y = ReduceSum <keepdims = 0> (p, axes) }""",
        "the product is used elsewhere as well",
    ),
    "weights of each channel": (
        """
        g (float[B,5,4] a, float[B,5,4] h) => (float[B,4] y) <int64[1] axes = {1}>
        { p = Mul (a, h) y = ReduceSum <keepdims = 0> (p, axes) }""",
        "neither factor is known to be",
    ),
    "one weight for all times": (
        """
        g (float[B,1,1] a, float[B,5,4] h) => (float[B,4] y) <int64[1] axes = {1}>
        { p = Mul (a, h) y = ReduceSum <keepdims = 0> (p, axes) }""",
        "neither factor is known to be",
    ),
    "four axes": (
        """
        g (float[B,5,1,1] a, float[B,5,4,2] h) => (float[B,4,2] y) <int64[1] axes = {1}>
        { p = Mul (a, h) y = ReduceSum <keepdims = 0> (p, axes) }""",
        "neither factor is known to be",
    ),
    "time unknown": (
        """
        g (float[B,T,1] a, float[B,S,4] h) => (float[B,4] y) <int64[1] axes = {1}>
        { p = Mul (a, h) y = ReduceSum <keepdims = 0> (p, axes) }""",
        "neither factor is known to be",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refuses_what_is_no_weighted_sum_with_the_reason(parsed, name):
    graph, reason = REFUSALS[name]
    model = parsed(graph)
    result = PASS.apply(model)
    assert (result.changed, len(result.refused)) == (0, 1)
    assert result.model is model
    assert result.refused[0].startswith("y: ")
    assert reason in result.refused[0]


def test_refuses_when_shapes_are_not_known(parsed):
    text = """
        g (float[B,5,1] a, float[B,5,4] h) => (float[B,4] y) <int64[1] axes = {1}>
        { b = Exp (a) g = Exp (h) p = Mul (b, g) y = ReduceSum <keepdims = 0> (p, axes) }"""
    model = parsed(text)
    assert PASS.apply(model).changed == 1
    del model.graph.value_info[:]
    assert "neither factor is known to be" in PASS.apply(model).refused[0]


@pytest.mark.parametrize(
    "text",
    [
        "g (float[B,5,4] h) => (float[B,5] y) <int64[1] axes = {2}> { y = ReduceSum <keepdims = 0> (h, axes) }",
        "g (float[B,5,4] h) => (float[B] y) <int64[2] axes = {1, 2}> { y = ReduceSum <keepdims = 0> (h, axes) }",
        "g (float[B,5,4] h) => (float y) { y = ReduceSum <keepdims = 0> (h) }",
        "g (float[B,5,4] h, int64[1] axes) => (float[N,M] y) { y = ReduceSum <keepdims = 0> (h, axes) }",
    ],
)
def test_sums_over_other_axes_are_none_of_its_business(parsed, text):
    result = PASS.apply(parsed(text))
    assert (result.changed, result.refused) == (0, ())


def test_is_idempotent(parsed):
    once = PASS.apply(parsed(pooling())).model
    again = PASS.apply(once)
    assert (again.changed, again.refused) == (0, ())
    assert again.model == once


def test_leaves_the_given_model_as_it_is(parsed):
    model = parsed(pooling())
    before = model.SerializeToString(deterministic=True)
    PASS.apply(model)
    assert model.SerializeToString(deterministic=True) == before


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    size=st.tuples(st.integers(1, 6), st.integers(2, 40), st.integers(1, 70)),
    keepdims=st.integers(0, 1),
    product=st.sampled_from(["Mul (a, h)", "Mul (h, a)"]),
)
def test_gives_the_same_sums_in_every_shape(parsed, run, size, keepdims, product):
    batch, timesteps, channels = size
    model = parsed(pooling(timesteps=timesteps, channels=channels, keepdims=keepdims, product=product))
    result = PASS.apply(model)
    assert result.changed == 1
    rows = drawn(batch, timesteps, channels)
    (before,), (after,) = run(model, **rows), run(result.model, **rows)
    assert after.shape == before.shape
    tolerance = ROUNDING * np.abs(rows["a"] * rows["h"]).sum(1, keepdims=bool(keepdims))
    assert (np.abs(after - before) <= tolerance).all()
    (moved,) = run(result.model, a=rows["a"] * np.float32(1 + 1e-5), h=rows["h"])
    assert (np.abs(moved - before) > tolerance).any()


@pytest.mark.parametrize("batch", [2, 7, 64])
def test_has_the_same_bits_at_every_batch_size_which_a_sum_has_not(parsed, run, batch):
    model = parsed(pooling())
    assert differing_bits(model, run, batch) > 0
    assert differing_bits(PASS.apply(model).model, run, batch) == 0


class Pooled(nn.Module):
    """An LSTM whose outputs are pooled by attention, in one of the ways that people write it."""

    def __init__(self, pool: str) -> None:
        super().__init__()
        self.lstm = nn.LSTM(12, CHANNELS // 2, batch_first=True, bidirectional=True)
        self.score = nn.Linear(CHANNELS, 1)
        self.head = nn.Linear(CHANNELS, 4)
        self.pool = pool

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h, _ = self.lstm(x)
        score = self.score(torch.tanh(h))
        if self.pool == "squeezed":
            a = torch.softmax(score.squeeze(-1), dim=1).unsqueeze(-1)
        else:
            a = torch.softmax(score, dim=1)
        if self.pool == "kept":
            return self.head(torch.sum(h * a, dim=1, keepdim=True)).squeeze(1)
        return self.head((a * h).sum(-2 if self.pool == "from behind" else 1))


@pytest.mark.parametrize("compiled", [False, True], ids=["traced", "scripted"])
@pytest.mark.parametrize("pool", ["plain", "squeezed", "kept", "from behind"])
def test_fires_on_what_torch_exports_with_a_free_batch_axis(randomised, run, pool, compiled):
    model = exported(randomised(Pooled(pool), 4), compiled)
    rewritten, records = run_passes(model)
    assert [record.changed for record in records if record.name == PASS.name] == [1]
    x = np.random.default_rng(0).normal(size=(8, TIMESTEPS, 12)).astype(np.float32)
    for rows in (1, 2, 8):
        np.testing.assert_allclose(run(rewritten, x=x[:rows])[0], run(model, x=x[:rows])[0], rtol=0, atol=1e-6)
    for candidate, invariant in ((model, False), (rewritten, True)):
        alone = np.concatenate([run(candidate, x=x[i : i + 1])[0] for i in range(len(x))])
        assert np.array_equal(run(candidate, x=x)[0], alone) == invariant


def exported(module, compiled):
    example = torch.zeros(2, TIMESTEPS, 12)
    stream = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            torch.jit.script(module) if compiled else torch.jit.trace(module, example),
            (example,),
            stream,
            dynamo=False,
            opset_version=20,
            input_names=["x"],
            output_names=["y"],
            dynamic_axes={"x": {0: "batch"}, "y": {0: "batch"}},
        )
    return onnx.load_from_string(stream.getvalue())

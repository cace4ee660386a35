"""A BatchNormalization over channels goes into every linear operator that uses it, or stays and says why."""

from __future__ import annotations

import numpy as np
import onnx
import onnx.parser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import numpy_helper

from dwcpc.compiler.passes.fold_batch_norm import FoldBatchNorm

PASS = FoldBatchNorm()
T, C, H = 5, 6, 4
ROUNDING = 4e-6
"""Absolute, on outputs of a few units: sums of rounded products in another order."""

NORM = "n = BatchNormalization <epsilon = 0.001> (a, gamma, beta, mean, var)"
INTO_RNN = f"""
    g (float[B,{T},{C}] x) => (float[{T},{{d}},B,{H}] y)
    {{{{
        a = Transpose <perm = [0,2,1]> (x)
        {NORM}
        s = Transpose <perm = [2,0,1]> (n)
        [layer] y = {{op}} <hidden_size = {H}, direction = "{{direction}}"> (s, W, R{{bias}})
    }}}}"""
INTO_DENSE = f"""
    g (float[B,{C}] a) => (float[B,{H}] y) {{{{ {NORM} {{dense}} }}}}"""
POOLED = f"""
    g (float[B,{T},{C}] x) => (float[B,{H}] y, float[B,{H}] z)
        <int64[2] rows = {{{{-1, {C}}}}}, int64[3] steps = {{{{-1, {T}, 1}}}}, int64[1] one = {{{{1}}}}>
    {{{{
        t = Transpose <perm = [0,2,1]> (x)
        n = BatchNormalization (t, gamma, beta, mean, var)
        h = Transpose <perm = [0,2,1]> (n)
        r = Reshape (h, rows)
        e = Gemm (r, V, v)
        u = Reshape (e, steps)
        w = {{weights}}
        q = Transpose <perm = [0,2,1]> (w)
        p = MatMul (q, h)
        s = Squeeze (p, one)
        y = Gemm <transB = 1> (s, M, m)
        z = Gemm <transB = 1> (s, M, m)
    }}}}"""
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


def with_weights(text, seed=0, **weights):
    """Return the graph as a model with BatchNormalization's statistics and the weights that it names."""
    rng = np.random.default_rng(seed)
    drawn = {
        "gamma": rng.uniform(0.5, 1.5, C),
        "beta": rng.uniform(-0.3, 0.3, C),
        "mean": rng.uniform(-0.3, 0.3, C),
        "var": rng.uniform(0.05, 0.5, C),
        "M": rng.normal(size=(H, C)) / C**0.5,
        "N": rng.normal(size=(C, H)) / C**0.5,
        "m": rng.normal(size=H),
        "V": rng.normal(size=(C, 1)),
        "v": rng.normal(size=1),
    } | weights
    model = onnx.parser.parse_model(f'<ir_version: 9, opset_import: ["" : 20]>\n{text}')
    named = {name for node in model.graph.node for name in node.input}
    model.graph.initializer.extend(
        numpy_helper.from_array(np.asarray(values, np.float32), name) for name, values in drawn.items() if name in named
    )
    return onnx.shape_inference.infer_shapes(model)


def rnn(op="LSTM", directions=1, bias=", b", seed=0, **weights):
    rng = np.random.default_rng(seed + 1)
    rows = GATES[op] * H
    text = INTO_RNN.format(op=op, d=directions, bias=bias, direction="bidirectional" if directions == 2 else "forward")
    drawn = {
        "W": rng.normal(size=(directions, rows, C)) / C**0.5,
        "R": rng.normal(size=(directions, rows, H)) / H**0.5,
        "b": rng.normal(size=(directions, 2 * rows)),
    }
    return with_weights(text, seed, **(drawn | weights))


def dense(text="y = Gemm (n, N, m)", **weights):
    return with_weights(INTO_DENSE.format(dense=text), **weights)


def pooled(weights="Softmax <axis = 1> (u)", **values):
    return with_weights(POOLED.format(weights=weights), **values)


def rows_for(model, batch=3, seed=1):
    sizes = [size.dim_value or batch for size in model.graph.input[0].type.tensor_type.shape.dim]
    return np.random.default_rng(seed).normal(size=sizes).astype(np.float32)


def operators(model):
    return [node.op_type for node in model.graph.node]


def differ(run, model, other):
    name, rows = model.graph.input[0].name, rows_for(model)
    return max(
        float(np.abs(before - after).max())
        for before, after in zip(run(model, **{name: rows}), run(other, **{name: rows}), strict=True)
    )


DENSE = {
    "a Gemm": "y = Gemm (n, N, m)",
    "a transposed Gemm": "y = Gemm <transB = 1> (n, M, m)",
    "a Gemm without bias": "y = Gemm (n, N)",
    "a product and a sum": "p = MatMul (n, N) y = Add (p, m)",
    "a sum from the left": "p = MatMul (n, N) y = Add (m, p)",
    "a bias of one value": "y = Gemm (n, N, v)",
}


@pytest.mark.parametrize("op", GATES)
@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("bias", [", b", ""])
def test_fires_before_recurrent_layers(run, op, directions, bias):
    model = rnn(op, directions, bias)
    result = PASS.apply(model)
    assert (result.changed, result.refused) == (1, ())
    assert operators(result.model) == ["Transpose", "Transpose", op]
    assert result.model.graph.node[-1].name == "layer"
    assert {each.name for each in result.model.graph.initializer}.isdisjoint({"gamma", "beta", "mean", "var", "W", "b"})
    assert differ(run, model, result.model) < ROUNDING


@pytest.mark.parametrize("name", DENSE)
def test_fires_before_dense_layers(run, name):
    model = dense(DENSE[name])
    result = PASS.apply(model)
    assert (result.changed, result.refused) == (1, ())
    assert "BatchNormalization" not in operators(result.model)
    assert differ(run, model, result.model) < ROUNDING


def test_fires_through_attention_into_all_that_use_it(run):
    model = pooled()
    result = PASS.apply(model)
    assert (result.changed, result.refused) == (1, ())
    assert len(result.model.graph.node) == len(model.graph.node) - 1
    assert differ(run, model, result.model) < ROUNDING


def test_weights_that_others_use_stay_as_they_are_for_those(run):
    text = """g (float[B,6] a) => (float[B,4] y, float[B,4] z) {
        n = BatchNormalization (a, gamma, beta, mean, var) y = Gemm (n, N, m) z = Gemm (a, N, m) }"""
    model = with_weights(text)
    result = PASS.apply(model)
    assert result.changed == 1
    assert {"N", "m"} <= {each.name for each in result.model.graph.initializer}
    assert differ(run, model, result.model) < ROUNDING


def test_an_initializer_that_the_graph_gives_out_stays(run):
    model = dense()
    model.graph.output.append(onnx.helper.make_tensor_value_info("N", onnx.TensorProto.FLOAT, [C, H]))
    result = PASS.apply(model)
    assert result.changed == 1
    assert differ(run, model, result.model) < ROUNDING


@pytest.mark.parametrize("lost", ["_folded_W", "_folded_B"])
def test_a_weight_that_was_wrong_would_be_seen(run, lost):
    model = rnn()
    folded = PASS.apply(model).model
    for initializer in folded.graph.initializer:
        if initializer.name.endswith(lost):
            values = numpy_helper.to_array(initializer).copy()
            values.reshape(-1)[0] += 1e-3
            initializer.CopyFrom(numpy_helper.from_array(values, initializer.name))
    assert differ(run, model, folded) > 5 * ROUNDING


REFUSALS = {
    "over time": (
        with_weights(
            f"g (float[B,{C},3] a) => (float[{C},1,B,2] y) {{ {NORM} s = Transpose <perm = [1,0,2]> (n) "
            "y = LSTM <hidden_size = 2> (s, W, R) }",
            W=np.ones((1, 8, 3)),
            R=np.ones((1, 8, 2)),
        ),
        "it normalises axis 0 of what LSTM contracts over axis 2",
    ),
    "over time, before a dense layer": (
        with_weights(
            f"g (float[B,{C},3] a) => (float[R,4] y) <int64[2] rows = {{-1, 3}}> {{ {NORM} s = Reshape (n, rows) "
            "y = Gemm (s, K) }",
            K=np.ones((3, 4)),
        ),
        "it normalises an axis that Reshape makes one with others",
    ),
    "given out": (dense("y = Gemm (n, N, m)"), "the graph gives it out as well"),
    "a curve": (dense("r = Tanh (n) y = Gemm (r, N, m)"), "Tanh uses it and cannot take it over"),
    "one of two users": (dense("p = Gemm (n, N, m) q = Tanh (n) k = Gemm (q, N) y = Add (p, k)"), "Tanh uses it"),
    "no bias to take the offset": (dense("p = MatMul (n, N) y = Tanh (p)"), "no Add follows"),
    "a computed bias": (dense("k = Tanh (m) y = Gemm (n, N, k)"), "its bias is computed at run time"),
    "a computed weight": (dense("k = Tanh (N) y = Gemm (n, k, m)"), "its weight is computed at run time"),
    "a computed summand": (
        dense("k = Tanh (m) p = MatMul (n, N) y = Add (p, k)"),
        "what is added to it is no constant",
    ),
    "alpha": (dense("y = Gemm <alpha = 2.0> (n, N, m)"), "it is no plain x·W + b"),
    "rows as channels": (
        with_weights(
            f"g (float[3,{C}] a) => (float[{C},2] y) {{ {NORM} y = Gemm <transA = 1> (n, K) }}", K=np.ones((3, 2))
        ),
        "it normalises axis 1 of what Gemm contracts over axis 0",
    ),
    "a bias for each row": (
        with_weights(f"g (float[{H},{C}] a) => (float[{H},{H}] y) {{ {NORM} y = Gemm (n, N, K) }}", K=np.ones((H, 1))),
        "its bias is no row",
    ),
    "no average": (pooled("Tanh (u)"), "MatMul uses it and cannot take it over"),
    "an average over another axis": (pooled("Softmax <axis = 0> (u)"), "MatMul uses it and cannot take it over"),
    "unused": (with_weights(f"g (float[B,{C}] a) => (float[B,{C}] y) {{ {NORM} y = Tanh (a) }}"), "nothing uses it"),
    "far mean": (dense(mean=np.full(C, 30.0)), "would cancel digits"),
    "no variance": (dense(var=np.full(C, -1.0)), "its variance is not positive"),
    "not finite": (dense(mean=np.full(C, np.inf)), "not finite"),
    "half weights": (None, "its weight is float16"),
    "computed statistics": (None, "missing or computed at run time"),
    "overridable statistics": (None, "missing or computed at run time"),
    "training": (None, "it is in training mode"),
    "a subgraph": (None, "a subgraph uses it as well"),
}
REFUSALS["given out"][0].graph.output.append(onnx.helper.make_tensor_value_info("n", onnx.TensorProto.FLOAT, ["B", C]))


def half_weights():
    return onnx.parser.parse_model(
        """<ir_version: 9, opset_import: ["" : 20]> g (float16[B,1] a) => (float16[B,1] y)
        <float16[1] k = {1}, float16[1,1] w = {1}> { n = BatchNormalization (a, k, k, k, k) y = Gemm (n, w) }"""
    )


def computed_statistics():
    return with_weights(
        f"g (float[B,{C}] a, float[{C}] o) => (float[B,{H}] y) "
        "{ n = BatchNormalization (a, gamma, o, mean, var) y = Gemm (n, N, m) }"
    )


def overridable_statistics():
    model = dense()
    model.graph.input.append(onnx.helper.make_tensor_value_info("mean", onnx.TensorProto.FLOAT, [C]))
    return model


def training():
    model = dense()
    model.graph.node[0].attribute.append(onnx.helper.make_attribute("training_mode", 1))
    return model


def a_subgraph():
    return with_weights(
        f"""g (float[B,{C}] a, bool c) => (float[B,{H}] y) {{ {NORM} p = Gemm (n, N, m)
        y = If (c) <then_branch = t () => (float[B,{H}] q) {{ q = Gemm (n, N) }},
                    else_branch = e () => (float[B,{H}] r) {{ r = Tanh (p) }}> }}"""
    )


MADE = {
    "half weights": half_weights,
    "computed statistics": computed_statistics,
    "overridable statistics": overridable_statistics,
    "training": training,
    "a subgraph": a_subgraph,
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refuses_with_the_reason(name):
    model, reason = REFUSALS[name]
    model = MADE[name]() if model is None else model
    result = PASS.apply(model)
    assert (result.changed, len(result.refused)) == (0, 1)
    assert result.model is model
    assert reason in result.refused[0]


def test_is_idempotent():
    once = PASS.apply(rnn()).model
    again = PASS.apply(once)
    assert (again.changed, again.refused) == (0, ())
    assert again.model is once


def test_leaves_its_argument_alone():
    model = rnn()
    before = model.SerializeToString(deterministic=True)
    PASS.apply(model)
    assert model.SerializeToString(deterministic=True) == before


@settings(max_examples=30, deadline=None, derandomize=True)
@given(seed=st.integers(0, 1000), distance=st.floats(0, 3), op=st.sampled_from([*GATES]), directions=st.integers(1, 2))
def test_gives_the_same_outputs_whatever_the_statistics(run, seed, distance, op, directions):
    rng = np.random.default_rng(seed)
    var = rng.uniform(0.01, 1.0, C)
    model = rnn(op, directions, seed=seed, var=var, mean=distance * np.sqrt(var) * rng.choice([-1, 1], C))
    result = PASS.apply(model)
    if result.changed:
        assert differ(run, model, result.model) < ROUNDING
    else:
        assert "would cancel digits" in result.refused[0]


def test_what_the_bound_refuses_would_lose_digits(run, monkeypatch):
    """At a mean of 300 deviations, folded sums miss the exact answer by more than those of the graph as it was."""
    rng = np.random.default_rng(0)
    width = 128
    var = rng.uniform(0.01, 0.1, width)
    text = f"g (float[B,{width}] a) => (float[B,{H}] y) {{ {NORM} y = Gemm (n, N, m) }}"
    weights = {
        "gamma": np.ones(width),
        "beta": np.zeros(width),
        "mean": np.float32(300 * np.sqrt(var)),
        "var": np.float32(var),
        "N": np.float32(rng.normal(size=(width, H)) / width**0.5),
        "m": np.zeros(H),
    }
    model = with_weights(text, **weights)
    assert PASS.apply(model).changed == 0
    monkeypatch.setattr("dwcpc.compiler.passes.fold_batch_norm.MOST_GROWTH", np.inf)
    folded = PASS.apply(model).model
    x = (weights["mean"] + np.sqrt(var) * rng.normal(size=(500, width))).astype(np.float32)
    normalised = (x - weights["mean"].astype(np.float64)) / np.sqrt(
        weights["var"].astype(np.float64) + np.float32(1e-3)
    )
    exact = normalised @ weights["N"].astype(np.float64)
    before, after = (np.abs(run(each, a=x)[0] - exact).mean() for each in (model, folded))
    assert after > 2 * before

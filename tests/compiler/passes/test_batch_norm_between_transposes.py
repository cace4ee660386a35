"""A BatchNormalization between Transposes that undo each other is a product and a sum where the value lies."""

from __future__ import annotations

import numpy as np
import onnx
import onnx.parser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import numpy_helper

from dwcpc.compiler.passes.batch_norm_between_transposes import BatchNormBetweenTransposes

PASS = BatchNormBetweenTransposes()
SIZES = (4, 3, 5)
ROUNDING = 4
"""Units in the last place of the larger summand: a·x, a and c are rounded once each, in either order."""

GRAPH = """
    g (float[{first},{second},{third}] x) => (float[N,M,K] y{outputs})
    {{
        {more}
        a = Transpose <perm = [1,0,2]> (x)
        [norm] n = BatchNormalization (a, gamma, beta, mean, var)
        b = Transpose <perm = {back}> (n)
        y = Exp (b)
    }}"""


def normed(back="[1,0,2]", outputs="", more="", sizes=("B", 3, 5), channels=None, **statistics):
    first, second, third = sizes
    text = GRAPH.format(first=first, second=second, third=third, back=back, outputs=outputs, more=more)
    return with_statistics(text, channels or (4 if first == "B" else first), **statistics)


def with_statistics(text, channels, seed=0, **statistics):
    rng = np.random.default_rng(seed)
    drawn = {
        "gamma": rng.uniform(0.5, 1.5, channels),
        "beta": rng.uniform(-0.3, 0.3, channels),
        "mean": rng.uniform(-0.3, 0.3, channels),
        "var": rng.uniform(0.05, 0.5, channels),
    } | statistics
    model = onnx.parser.parse_model(f'<ir_version: 9, opset_import: ["" : 20]>\n{text}')
    named = {name for node in model.graph.node for name in node.input}
    model.graph.initializer.extend(
        numpy_helper.from_array(np.asarray(values, np.float32), name) for name, values in drawn.items() if name in named
    )
    return onnx.shape_inference.infer_shapes(model)


def operators(model):
    return [node.op_type for node in model.graph.node]


def test_fires_on_a_norm_over_time_between_layers_that_have_time_first(run):
    model = normed()
    result = PASS.apply(model)
    assert (result.changed, result.refused) == (1, ())
    assert operators(result.model) == ["Mul", "Add", "Exp"]
    assert [list(each.dims) for each in result.model.graph.initializer] == [[4, 1, 1], [4, 1, 1]]
    x = np.random.default_rng(1).normal(size=SIZES).astype(np.float32)
    np.testing.assert_allclose(run(result.model, x=x)[0], run(model, x=x)[0], rtol=2e-6)


def test_a_wrong_offset_would_be_seen(run):
    model = normed()
    wrong = PASS.apply(model).model
    offset = next(each for each in wrong.graph.initializer if each.name.endswith("_offset"))
    offset.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(offset) + np.float32(1e-5), offset.name))
    x = np.random.default_rng(1).normal(size=SIZES).astype(np.float32)
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(run(wrong, x=x)[0], run(model, x=x)[0], rtol=2e-6)


def test_has_the_same_bits_at_every_batch_size(run):
    rewritten = PASS.apply(normed()).model
    x = np.random.default_rng(1).normal(size=(4, 64, 5)).astype(np.float32)
    rewritten.graph.input[0].type.tensor_type.shape.dim[1].dim_param = "rows"
    alone = np.concatenate([run(rewritten, x=x[:, row : row + 1])[0] for row in range(64)], axis=1)
    assert np.array_equal(run(rewritten, x=x)[0], alone)


def test_gives_the_graphs_own_output_its_name(run):
    text = """g (float[4,B,5] x) => (float[4,B,5] y) { a = Transpose <perm = [1,0,2]> (x)
        n = BatchNormalization (a, gamma, beta, mean, var) y = Transpose <perm = [1,0,2]> (n) }"""
    result = PASS.apply(with_statistics(text, 4))
    assert operators(result.model) == ["Mul", "Add"]
    assert run(result.model, x=np.ones((4, 2, 5), np.float32))[0].shape == (4, 2, 5)


def test_is_idempotent():
    once = PASS.apply(normed()).model
    again = PASS.apply(once)
    assert (again.changed, again.refused) == (0, ())
    assert again.model is once


def test_leaves_its_argument_alone():
    model = normed()
    before = model.SerializeToString(deterministic=True)
    PASS.apply(model)
    assert model.SerializeToString(deterministic=True) == before


REFUSALS = {
    "another order": (normed(back="[0,2,1]"), "do not undo each other"),
    "used below": (normed(outputs=", float[N,M,K] n"), "used elsewhere as well"),
    "used above": (normed(outputs=", float[N,M,K] a"), "used elsewhere as well"),
    "no variance": (normed(var=np.full(4, -1.0)), "its variance is not positive"),
    "computed": (
        with_statistics(
            """g (float[4,B,5] x, float[4] k) => (float[4,B,5] y) { a = Transpose <perm = [1,0,2]> (x)
            n = BatchNormalization (a, gamma, beta, k, var) y = Transpose <perm = [1,0,2]> (n) }""",
            4,
        ),
        "missing or computed at run time",
    ),
    "half": (
        onnx.parser.parse_model(
            """<ir_version: 9, opset_import: ["" : 20]> g (float16[1,B,5] x) => (float16[1,B,5] y)
            <float16[1] k = {1}> { a = Transpose <perm = [1,0,2]> (x) n = BatchNormalization (a, k, k, k, k)
            y = Transpose <perm = [1,0,2]> (n) }"""
        ),
        "not known to be float32 or float64",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refuses_with_the_reason(name):
    model, reason = REFUSALS[name]
    result = PASS.apply(model)
    assert (result.changed, len(result.refused)) == (0, 1)
    assert result.model is model
    assert reason in result.refused[0]


@pytest.mark.parametrize(
    "text",
    [
        "g (float[4,4,5] x) => (float[4,4,5] y) { y = BatchNormalization (x, gamma, beta, mean, var) }",
        "g (float[4,B,5] x) => (float[B,4,5] y) { a = Transpose <perm = [1,0,2]> (x) "
        "y = BatchNormalization (a, gamma, beta, mean, var) }",
    ],
)
def test_a_norm_without_transposes_on_both_sides_is_none_of_its_business(text):
    result = PASS.apply(with_statistics(text, 4))
    assert (result.changed, result.refused) == (0, ())


@settings(max_examples=30, deadline=None, derandomize=True)
@given(sizes=st.tuples(*[st.integers(1, 6)] * 4), perm=st.permutations(range(4)), seed=st.integers(0, 99))
def test_gives_the_same_in_every_shape_and_order(run, sizes, perm, seed):
    back = [perm.index(axis) for axis in range(4)]
    text = f"""g (float{list(sizes)} x) => (float{list(sizes)} y) {{ a = Transpose <perm = {list(perm)}> (x)
        n = BatchNormalization (a, gamma, beta, mean, var) y = Transpose <perm = {back}> (n) }}"""
    model = with_statistics(text, sizes[perm[1]], seed)
    result = PASS.apply(model)
    assert result.changed == 1
    x = np.random.default_rng(seed).normal(size=sizes).astype(np.float32)
    largest = np.abs(x).max() * 1.5 / 0.05**0.5 + 3
    assert np.abs(run(result.model, x=x)[0] - run(model, x=x)[0]).max() <= ROUNDING * 2.0**-24 * largest

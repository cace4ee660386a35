"""Two affine maps in a row become one, computed when a runtime loads the graph."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import numpy_helper

from dwcpc.compiler.passes.merge_affines import MergeAffines

PASS = MergeAffines()
SIZES = (6, 2, 5)
ROUNDING = 6  # units in the last place of the largest term: each of a·x, c, b and d is rounded in both ways
OPERANDS = [(), (5,), (2, 1), (6, 1, 1), (6, 2, 5)]

GRAPH = """
    g (float[6,2,5] x) => (float[6,2,5] y{outputs})
    {{
        p = Mul ({first})
        q = Add ({second})
        r = Mul ({third})
        s = Add ({fourth})
        y = Identity (s)
        {more}
    }}"""
PLAIN = {"first": "x, a", "second": "p, c", "third": "q, b", "fourth": "r, d", "outputs": "", "more": ""}


def chain(parsed, shapes=((6, 1, 1), (6, 1, 1), (5,), (5,)), seed=0, **changed):
    """Return the model of two maps with drawn operands of these shapes, and the operands by name."""
    rng = np.random.default_rng(seed)
    values = {
        name: rng.uniform(0.5, 2, size=shape).astype(np.float32) for name, shape in zip("acbd", shapes, strict=True)
    }
    weights = ", ".join(f"float{list(value.shape) or ''} {name}" for name, value in values.items())
    text = GRAPH.format(**{**PLAIN, **changed}).replace("(float[6,2,5] x)", f"(float[6,2,5] x, {weights})")
    model = parsed(text)
    kept = [each for each in model.graph.input if each.name not in values]
    del model.graph.input[:]
    model.graph.input.extend(kept)
    model.graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in values.items())
    return model, values


def at_run_time(model):
    """Return the operators that depend on the input."""
    known, found = {each.name for each in model.graph.input}, []
    for node in model.graph.node:
        if known & set(node.input):
            known |= set(node.output)
            found.append(node.op_type)
    return found


@settings(max_examples=60, deadline=None)
@given(shapes=st.tuples(*(st.sampled_from(OPERANDS) for _ in range(4))), seed=st.integers(0, 2**32 - 1))
def test_the_answer_stays(parsed, run, shapes, seed):
    model, values = chain(parsed, shapes, seed)
    result = PASS.apply(model)
    assert (result.changed, at_run_time(result.model)) == (1, ["Mul", "Add", "Identity"])
    x = np.random.default_rng(seed).normal(size=SIZES).astype(np.float32)
    wide = {name: value.astype(np.float64) for name, value in values.items()}
    exact = (x * wide["a"] + wide["c"]) * wide["b"] + wide["d"]
    largest = (np.abs(x) * wide["a"] + wide["c"]) * wide["b"] + wide["d"]
    assert (np.abs(run(result.model, x=x)[0] - exact) <= ROUNDING * np.spacing(largest.astype(np.float32))).all()


def test_operands_may_stand_on_either_side(parsed):
    model, _ = chain(parsed, first="a, x", second="c, p", third="b, q", fourth="d, r")
    assert PASS.apply(model).changed == 1


def test_three_maps_become_one(parsed, run):
    model, _ = chain(parsed, more="")
    more, _ = chain(parsed, more="t = Mul (s, a) u = Add (t, c) v = Identity (u)")
    assert PASS.apply(model).changed == 1
    result = PASS.apply(more)  # the middle value is used twice here
    assert at_run_time(result.model).count("Mul") == 2


def test_a_second_application_changes_nothing(parsed):
    model, _ = chain(parsed)
    once = PASS.apply(model).model
    again = PASS.apply(once)
    assert (again.changed, again.model is once) == (0, True)


@pytest.mark.parametrize(
    "changed",
    [
        {"outputs": ", float[6,2,5] q"},
        {"outputs": ", float[6,2,5] p"},
        {"more": "z = Exp (q)"},
        {"second": "p, x"},
        {"third": "q, x"},
        {"fourth": "r, x"},
        {"third": "q, q"},
    ],
    ids=["shown", "product shown", "used twice", "no constant", "a product of inputs", "a sum of inputs", "a square"],
)
def test_what_others_see_or_inputs_decide_stays(parsed, changed):
    model, _ = chain(parsed, **changed)
    result = PASS.apply(model)
    assert (result.changed, result.model is model) == (0, True)


def test_no_constant_is_written_out(parsed):
    """[6, 1, 1]·[5] would be a window's size: both stay as they are in the file."""
    model, values = chain(parsed)
    stored = {each.name: tuple(each.dims) for each in PASS.apply(model).model.graph.initializer}
    assert stored == {name: value.shape for name, value in values.items()}

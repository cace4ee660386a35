"""A batch frozen into a graph is freed where exporters leave it, and refused where freeing changes an answer."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.sources.onnx_model.batch_axis import expanded, freed, reshaped
from dwcpc.compiler.sources.onnx_model.signature import Signature

CLOSE = 1e-5


@pytest.mark.parametrize(
    ("sizes", "at", "target", "batch", "expected"),
    [
        ([1, 6, 3], 0, [1, 18], 1, [-1, 18]),
        ([4, 6, 3], 0, [4, 18], 4, [-1, 18]),
        ([4, 6, 3], 0, [4, -1], 4, [-1, 18]),
        ([4, 6, 3], 0, [24, 3], 4, [-1, 3]),  # time-distributed: batch and time in one axis
        ([1, 6, 3], 0, [6, 3], 1, [-1, 3]),
        ([24, 3], 0, [4, 6, 3], 4, [-1, 6, 3]),  # and apart again
        ([24, 3], 0, [6, 4, 3], 4, [6, -1, 3]),
        ([6, 3], 0, [6, 1, 3], 1, [6, -1, 3]),
        ([6, 1, 2, 5], 1, [6, 1, 10], 1, [6, -1, 10]),
        ([6, 4, 2, 5], 1, [6, 4, 10], 4, [6, -1, 10]),
        ([6, 4, 2, 5], 1, [0, 4, -1], 4, [6, -1, 10]),
        ([6, 4, 2, 5], 1, [24, 10], 4, [-1, 10]),
        ([6, 4, 2, 5], 1, [0, 0, -1], 4, [0, 0, -1]),  # free already
        ([4, 6, 3], 0, [-1, 18], 4, [-1, 18]),
        ([4, 6, 3], 0, [1, 4, 18], 4, [1, -1, 18]),
        ([4, 6, 3], 0, [5, 18], 4, [5, 18]),  # does not fit
        ([4, 6, 3], 0, [9, 8], 4, [9, 8]),  # the batch ends inside an axis
        ([4, 6, 3], 0, [0, 0, 0, 0], 4, [0, 0, 0, 0]),
        ([4, 6, 3], 0, [-1, -1], 4, [-1, -1]),
    ],
)
def test_the_batch_is_found_in_a_target(sizes, at, target, batch, expected) -> None:
    assert reshaped(sizes, at, target, batch) == expected


@pytest.mark.parametrize(
    ("sizes", "at", "target", "expected"),
    [
        ([4, 1, 3], 0, [4, 6, 3], [1, 6, 3]),
        ([4, 3], 0, [6, 4, 3], [6, 1, 3]),
        ([4, 1, 3], 0, [6, 3], [6, 3]),
        ([4, 1], 0, [1, 6], [1, 6]),
    ],
)
def test_the_batch_is_kept_by_an_expand(sizes, at, target, expected) -> None:
    assert expanded(sizes, at, target, 4) == expected


FROZEN = {
    "reshape": "g (float[4,6,3] x) => (float[4,18] y) <int64[2] s = {4,18}> { r = Reshape (x, s)  y = Tanh (r) }",
    "time distributed": (
        "g (float[4,6,3] x) => (float[4,6,2] y)"
        "<int64[2] s = {24,3}, int64[3] t = {4,6,2}, float[3,2] w = {1,2,3,4,5,6}>"
        "{ r = Reshape (x, s)  m = MatMul (r, w)  y = Reshape (m, t) }"
    ),
    "shape in a node": (
        "g (float[1,6,3] x) => (float[1,18] y) { s = Constant <value = int64[2] {1,18}> ()  y = Reshape (x, s) }"
    ),
    "expand": ("g (float[4,1,3] x) => (float[4,6,3] y) <int64[3] s = {4,6,3}> { e = Expand (x, s)  y = Tanh (e) }"),
    "one target for two": (
        "g (float[4,6,3] x) => (float[4,18] y) <int64[2] s = {4,18}>"
        "{ r = Reshape (x, s)  t = Exp (x)  u = Reshape (t, s)  y = Add (r, u) }"
    ),
}


@pytest.mark.parametrize("case", FROZEN)
def test_is_freed_from(case, from_text, load, run) -> None:
    data = from_text(FROZEN[case])
    network = load(data)
    batch = onnx.load_from_string(data).graph.input[0].type.tensor_type.shape.dim[0].dim_value
    assert f"takes {batch} row" in network.spec.notes[0]
    assert "was freed" in network.spec.notes[0]
    rows = np.random.default_rng(0).normal(size=(9, *network.spec.input_shape)).astype(np.float32)
    expected = network.predict(rows, "float32")
    for count in (1, 3, 9):
        np.testing.assert_allclose(run(network.export(20), rows[:count]), expected[:count], rtol=CLOSE, atol=CLOSE)


def test_a_first_axis_that_is_free_in_name_alone_is_freed_too(from_text, load, run) -> None:
    text = "g (float[N,6,3] x) => (float[N,18] y) <int64[2] s = {1,18}> { r = Reshape (x, s)  y = Tanh (r) }"
    network = load(from_text(text))
    assert network.spec.notes == ("the file takes 1 row a call; its batch axis was freed",)
    rows = np.random.default_rng(0).normal(size=(5, 6, 3)).astype(np.float32)
    np.testing.assert_allclose(network.predict(rows, "float32"), np.tanh(rows.reshape(5, 18)), rtol=CLOSE)
    np.testing.assert_allclose(run(network.export(20), rows), np.tanh(rows.reshape(5, 18)), rtol=CLOSE)


REFUSED = {
    "rows that are mixed": (
        "g (float[4,3] x) => (float[4,3] y) { y = Softmax <axis = 0> (x) }",
        "in calls of 1 row it answers otherwise",
    ),
    "a weight for each row": (
        "g (float[2,3] x) => (float[2,3] y) <float[2,3] w = {1,2,3,4,5,6}> { y = Mul (x, w) }",
        "in calls of 1 row it answers otherwise|cannot be freed",
    ),
    "a squeezed batch": (
        "g (float[1,3] x) => (float[1,3] y) <int64[1] a = {0}>"
        "{ s = Squeeze (x, a)  t = Tanh (s)  y = Unsqueeze (t, a) }",
        "takes 1 row a call, and its batch axis cannot be freed .*export it with a free batch axis",
    ),
    "time on the first axis": (
        "g (float[6,N,3] x) => (float[6,N,3] y) { y = Softmax <axis = 0> (x) }",
        r"rows of \[\?, 3\]",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_is_refused_for(case, from_text, load) -> None:
    text, pattern = REFUSED[case]
    with pytest.raises(InputError, match=pattern):
        load(from_text(text))


def with_states(model: onnx.ModelProto, batch: int, value: float) -> onnx.ModelProto:
    """Give the first LSTM an initial state for `batch` rows."""
    state = np.full((1, batch, 5), value, np.float32)
    model.graph.initializer.append(onnx.numpy_helper.from_array(state, "state"))
    lstm = next(node for node in model.graph.node if node.op_type == "LSTM")
    lstm.input.extend(["", "state", "state"])
    return model


def test_zero_states_are_dropped_and_others_refused(keras_like, load, rows, run) -> None:
    network = load(with_states(keras_like(2), 2, 0.0).SerializeToString())
    expected = load(keras_like().SerializeToString()).predict(rows, "float32")
    np.testing.assert_allclose(run(network.export(20), rows), expected, rtol=CLOSE, atol=CLOSE)
    with pytest.raises(InputError, match=r"batch axis cannot be freed .*LSTM"):
        load(with_states(keras_like(2), 2, 0.5).SerializeToString())


def test_the_given_model_stays_as_it_is(keras_like) -> None:
    model = keras_like(2)
    before = model.SerializeToString(deterministic=True)
    freed(model, Signature("input_1", (6, 3), "time_distributed_1", 1, 2), 2)
    assert model.SerializeToString(deterministic=True) == before

"""LSTM, GRU and RNN in float64: onnxruntime's answers in float32, torch's in float64, and refusals of the rest."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator
from torch import nn

from dwcpc.compiler.sources.onnx_model.recurrent import RECURRENT, NotSupportedError, logistic

TIME, BATCH, INPUT, HIDDEN = 5, 3, 2, 4
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
DIRECTIONS = {"forward": 1, "reverse": 1, "bidirectional": 2}
CLOSE = 2e-6
EXACT = 1e-13


def made(
    kind: str, direction: str = "forward", *, extras: tuple[str, ...] = (), bias: bool = True, **attributes: Any
) -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
    """Return a model of one node, in float64, whose weights are inputs, and values for them."""
    rng = np.random.default_rng(8)
    count, gates = DIRECTIONS[direction], GATES[kind]
    shapes = {
        "X": (TIME, BATCH, INPUT),
        "W": (count, gates * HIDDEN, INPUT),
        "R": (count, gates * HIDDEN, HIDDEN),
        "B": (count, 2 * gates * HIDDEN),
        "initial_h": (count, BATCH, HIDDEN),
        "initial_c": (count, BATCH, HIDDEN),
        "P": (count, 3 * HIDDEN),
    }
    order = ["X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P"]
    given = {"X", "W", "R", *extras, *(["B"] if bias else [])}
    names = [name if name in given else "" for name in order[: 8 if kind == "LSTM" else 6]]
    feeds = {name: rng.normal(size=shapes[name]) for name in names if name in shapes}
    if "sequence_lens" in given:
        feeds["sequence_lens"] = np.full(BATCH, TIME, np.int32)
    outputs = ["Y", "Y_h", "Y_c"] if kind == "LSTM" else ["Y", "Y_h"]
    node = helper.make_node(kind, names, outputs, hidden_size=HIDDEN, direction=direction, **attributes)
    types = {name: TensorProto.INT32 if name == "sequence_lens" else TensorProto.DOUBLE for name in feeds}
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info(name, types[name], value.shape) for name, value in feeds.items()],
        [helper.make_tensor_value_info(name, TensorProto.DOUBLE, None) for name in outputs],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), feeds


def in_numpy(model: onnx.ModelProto, feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
    return ReferenceEvaluator(model, new_ops=list(RECURRENT)).run(None, feeds)


def in_onnxruntime(model: onnx.ModelProto, feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
    narrow = onnx.ModelProto.FromString(model.SerializeToString())
    for value in (*narrow.graph.input, *narrow.graph.output):
        if value.type.tensor_type.elem_type == TensorProto.DOUBLE:
            value.type.tensor_type.elem_type = TensorProto.FLOAT
    session = onnxruntime.InferenceSession(narrow.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {n: v.astype(np.float32) if v.dtype == np.float64 else v for n, v in feeds.items()})


CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "without bias": {"bias": False},
    "initial state": {"extras": ("initial_h",)},
    "whole lengths": {"extras": ("sequence_lens",)},
}
OF_ONE_KIND: dict[str, tuple[str, dict[str, Any]]] = {
    "cell state and peepholes": ("LSTM", {"extras": ("initial_h", "initial_c", "P")}),
    "relu and softsign": ("LSTM", {"activations": ["HardSigmoid", "Softsign", "Relu"]}),
    "reset after": ("GRU", {"linear_before_reset": 1}),
    "reset after, with state": ("GRU", {"linear_before_reset": 1, "extras": ("initial_h",)}),
    "relu": ("RNN", {"activations": ["Relu"]}),
}


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("kind", GATES)
@pytest.mark.parametrize("case", CASES)
def test_answers_as_onnxruntime_does(case: str, kind: str, direction: str) -> None:
    model, feeds = made(kind, direction, **CASES[case])
    for ours, theirs in zip(in_numpy(model, feeds), in_onnxruntime(model, feeds), strict=True):
        assert ours.dtype == np.float64
        assert ours.shape == theirs.shape
        assert np.abs(ours - theirs).max() < CLOSE * max(1.0, np.abs(theirs).max())


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("case", OF_ONE_KIND)
def test_answers_as_onnxruntime_does_with_options_of_one_kind(case: str, direction: str) -> None:
    kind, options = OF_ONE_KIND[case]
    if "activations" in options:
        options = {**options, "activations": options["activations"] * DIRECTIONS[direction]}
    model, feeds = made(kind, direction, **options)
    for ours, theirs in zip(in_numpy(model, feeds), in_onnxruntime(model, feeds), strict=True):
        assert np.abs(ours - theirs).max() < CLOSE * max(1.0, np.abs(theirs).max())


@pytest.mark.parametrize("name", ["W", "R", "B", "initial_h"])
@pytest.mark.parametrize("kind", GATES)
def test_a_weight_off_by_a_thousandth_would_be_seen(kind: str, name: str) -> None:
    model, feeds = made(kind, extras=("initial_h",))
    other = in_onnxruntime(model, {**feeds, name: feeds[name] * 1.001})
    assert np.abs(in_numpy(model, feeds)[0] - other[0]).max() > 10 * CLOSE


def reordered(weight: torch.Tensor, order: tuple[int, ...]) -> np.ndarray:
    """Return torch's gates in ONNX's order."""
    parts = weight.detach().numpy().reshape(len(order), HIDDEN, -1)
    return parts[list(order)].reshape(weight.shape)[None]


@pytest.mark.parametrize(
    ("kind", "order", "options"), [("LSTM", (0, 3, 1, 2), {}), ("GRU", (1, 0, 2), {"linear_before_reset": 1})]
)
def test_is_torchs_own_in_float64(kind: str, order: tuple[int, ...], options: dict[str, int]) -> None:
    torch.manual_seed(2)
    layer = getattr(nn, kind)(INPUT, HIDDEN).double()
    model, feeds = made(kind, **options)
    feeds["W"], feeds["R"] = (reordered(getattr(layer, f"weight_{part}_l0"), order) for part in ("ih", "hh"))
    feeds["B"] = np.concatenate([reordered(getattr(layer, f"bias_{part}_l0"), order) for part in ("ih", "hh")], axis=1)
    with torch.no_grad():
        expected = layer(torch.from_numpy(feeds["X"]))[0].numpy()
    assert np.abs(in_numpy(model, feeds)[0][:, 0] - expected).max() < EXACT


@pytest.mark.parametrize(
    ("kind", "options", "named"),
    [
        ("LSTM", {"clip": 3.0}, "clip"),
        ("LSTM", {"input_forget": 1}, "input_forget"),
        ("GRU", {"activations": ["Affine", "Tanh"]}, "activations affine, tanh"),
        ("RNN", {"activations": ["LeakyRelu"], "activation_alpha": [0.1]}, "activation_alpha"),
        ("LSTM", {"layout": 1}, "layout"),
    ],
)
def test_options_that_are_not_computed_are_refused_and_not_ignored(
    kind: str, options: dict[str, Any], named: str
) -> None:
    model, feeds = made(kind, **options)
    with pytest.raises(NotSupportedError, match=named):
        in_numpy(model, feeds)


def test_lengths_that_end_early_are_refused() -> None:
    model, feeds = made("GRU", extras=("sequence_lens",))
    with pytest.raises(NotSupportedError, match="sequence_lens"):
        in_numpy(model, {**feeds, "sequence_lens": np.array([5, 4, 5], np.int32)})


def test_the_logistic_function_keeps_small_numbers_and_does_not_overflow() -> None:
    with np.errstate(all="raise", under="ignore"):
        values = logistic(np.array([-700.0, -40.0, 0.0, 40.0, 700.0]))
    np.testing.assert_allclose(values[:3], [np.exp(-700.0), np.exp(-40.0), 0.5], rtol=1e-14)
    assert values[4] == 1.0

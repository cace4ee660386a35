"""Networks of one layer, as the exporters write them, and their answers in onnxruntime."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import onnx
import onnx.parser
import pytest
from onnx import numpy_helper

from dwcpc.compiler.metadata import SessionSettings
from dwcpc.compiler.ort_session import open_session
from dwcpc.compiler.quantize.base import Proposal
from dwcpc.compiler.quantize.forms import Forms
from dwcpc.compiler.quantize.layers import layers_of, record_activations

STEPS = 12
RECURRENT = """
    network (float[B,{steps},{inputs}] network_input) => (float[B,{answers},{outputs}] network_output)
    <int64[1] first = {{0}}, int64[3] by_step = {{0, 0, -1}}, int64[3] one_step = {{0, 1, -1}}>
    {{
        steps = Transpose <perm = [1, 0, 2]> (network_input)
        {before}
        {results} = {op} <hidden_size = {units}, direction = "{direction}" {more}> (steps, W, R, B{states})
        by_row = Transpose <perm = [2, 0, 1, 3]> (y)
        {flat} = Reshape (by_row, by_step)
        {after}
    }}"""
STATES = """
        mean = ReduceMean <keepdims = 0> (steps, first)
        drawn = MatMul (mean, small)
        state = Unsqueeze (drawn, first)
"""
AFTER = """
        h_by_row = Transpose <perm = [1, 0, 2]> (h)
        c_by_row = Transpose <perm = [1, 0, 2]> (c)
        h_flat = Reshape (h_by_row, one_step)
        c_flat = Reshape (c_by_row, one_step)
        network_output = Concat <axis = 1> (all, h_flat, c_flat)
"""


def finished(text: str, weights: dict[str, np.ndarray]) -> onnx.ModelProto:
    """Return the network of opset 20 with these weights, checked."""
    model = onnx.parser.parse_model(f'<ir_version: 9, opset_import: ["" : 20]>\n{text}')
    model.graph.initializer.extend(
        numpy_helper.from_array(np.ascontiguousarray(value, np.float32), name) for name, value in weights.items()
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def _recurrent(op="LSTM", direction="forward", inputs=9, units=16, *, seed=0, ends=False, states=False, uneven=False):
    """Return a network of one LSTM or GRU named `layer`; `ends` appends Y_h and Y_c, `states` sets the initial ones."""
    rng = np.random.default_rng(seed)
    directions = 2 if direction == "bidirectional" else 1
    gates = {"LSTM": 4, "GRU": 3}[op]
    text = RECURRENT.format(
        op=op,
        steps=STEPS,
        inputs=inputs,
        units=units,
        direction=direction,
        answers=STEPS + 2 * ends,
        outputs=units * directions,
        results="y, h, c" if ends else "y",
        before=STATES if states else "",
        states=", , state, state" if states else "",
        after=AFTER if ends else "",
        flat="all" if ends else "network_output",
        more="",
    )
    width = np.exp(rng.normal(size=inputs)) if uneven else np.ones(inputs)
    weights = {
        "W": rng.uniform(-1, 1, size=(directions, gates * units, inputs)) / inputs**0.5 / width,
        "R": rng.uniform(-1, 1, size=(directions, gates * units, units)) / units**0.5,
        "B": rng.uniform(-0.3, 0.3, size=(directions, 2 * gates * units)),
    }
    if states:
        weights["small"] = rng.normal(size=(inputs, units)) / inputs**0.5
    model = finished(text, weights)
    next(node for node in model.graph.node if node.op_type == op).name = "layer"
    return model, rows_for(width)


def rows_for(width: np.ndarray) -> Callable[..., np.ndarray]:
    """Return `rows(count, seed)`: windows of correlated channels of these widths, each slowly changing."""
    mix = np.random.default_rng(99).normal(size=(4, len(width)))

    def rows(count: int, seed: int = 1, noise: float = 0.3) -> np.ndarray:
        rng = np.random.default_rng(seed)
        slow = np.cumsum(rng.normal(size=(count, STEPS, 4)), axis=1) / STEPS**0.5
        return ((slow @ mix + noise * rng.normal(size=(count, STEPS, len(width)))) * width).astype(np.float32)

    return rows


LINEAR = {
    "Gemm": ("float[B,{k}] network_input", "float[B,{n}]", "Gemm (network_input, W, C)"),
    "Gemm transB": ("float[B,{k}] network_input", "float[B,{n}]", "Gemm <transB = 1> (network_input, W, C)"),
    "MatMul": ("float[B,5,{k}] network_input", "float[B,5,{n}]", "MatMul (network_input, W)"),
    "Conv": ("float[B,{k},5] network_input", "float[B,{n},5]", "Conv <pads = [1, 1]> (network_input, W, C)"),
}


def _linear(kind="Gemm", k=24, n=18, *, seed=0):
    """Return a network of one Gemm, MatMul or Conv named `layer`, and `rows(count, seed)`, correlated."""
    rng = np.random.default_rng(seed)
    given, returned, node = (text.format(k=k, n=n) for text in LINEAR[kind])
    shape = {"Gemm": (k, n), "Gemm transB": (n, k), "MatMul": (k, n), "Conv": (n, k, 3)}[kind]
    weights = {"W": rng.normal(size=shape) / k**0.5}
    if kind != "MatMul":
        weights["C"] = rng.normal(size=n)
    model = finished(f"network ({given}) => ({returned} network_output) {{ network_output = {node} }}", weights)
    model.graph.node[0].name = "layer"
    mix = rng.normal(size=(6, k)) + 1

    def rows(count: int, seed: int = 1) -> np.ndarray:
        drawn = np.random.default_rng(seed)
        lead = () if kind.startswith("Gemm") else (5,)
        x = drawn.normal(size=(count, *lead, 6)) @ mix + 0.3 * drawn.normal(size=(count, *lead, k))
        return np.maximum(x.swapaxes(1, 2) if kind == "Conv" else x, 0).astype(np.float32)

    return model, rows


@pytest.fixture(scope="session")
def networks():
    """Return `networks.recurrent(...)`, `networks.linear(...)` and `networks.finished(text, weights)`."""
    return SimpleNamespace(recurrent=_recurrent, linear=_linear, finished=finished)


@pytest.fixture(scope="session")
def run() -> Callable[[onnx.ModelProto, np.ndarray], np.ndarray]:
    """Return `run(model, x)`: the first output of the checked model, in a session as it is served."""

    def answers(model: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
        onnx.checker.check_model(model, full_check=True)
        session = open_session(model.SerializeToString(), SessionSettings())
        return session.run(None, {model.graph.input[0].name: x})[0]

    return answers


@pytest.fixture(scope="session")
def proposed():
    """Return `proposed(technique, network, x)`: the layer's proposal, calibrated on rows x, and the new network.

    Where the technique refuses, the reason and the network as it was.
    """

    def propose(technique, network: onnx.ModelProto, x: np.ndarray) -> tuple[Proposal | str, onnx.ModelProto]:
        (layer,) = layers_of(network)
        proposal = technique.propose(layer, record_activations(network, [layer], x)[layer.name])
        chosen = {} if isinstance(proposal, str) else {layer.name: proposal}
        return proposal, Forms(network).with_proposals(chosen)

    return propose


@pytest.fixture(scope="session")
def decibels() -> Callable[[np.ndarray, np.ndarray], float]:
    """Return `decibels(exact, got)`: the signal-to-noise ratio."""

    def ratio(exact: np.ndarray, got: np.ndarray) -> float:
        wide = exact.astype(np.float64)
        return float(10 * np.log10((wide**2).mean() / ((wide - got) ** 2).mean()))

    return ratio

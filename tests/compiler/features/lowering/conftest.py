"""Raw windows, and the graph of a specification's features alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from dwcpc.compiler.features.lowering.lower_features import lower_features
from dwcpc.compiler.features.spec import FeatureSpec
from dwcpc.compiler.graphs.graph_builder import GraphBuilder
from dwcpc.compiler.metadata import SessionSettings
from dwcpc.compiler.ort_session import open_session

HOSTILE = (np.nan, np.inf, -np.inf, 0.0, -0.0, 5e-324, -1e-310, 1e300, -1e300, -1.0, 0.5)
DOUBLE = {"dwcpc_feature_raw": TensorProto.DOUBLE}


def graph_of(spec: FeatureSpec, timesteps: int | None, *, wide: bool = False) -> onnx.ModelProto:
    """Return the model from raw windows to features; `wide` takes and gives float64, to compare every bit."""
    nodes = GraphBuilder()
    name = lower_features(nodes, spec, timesteps, "input", np.float64 if wide else np.float32)
    kind = TensorProto.DOUBLE if wide else TensorProto.FLOAT
    shape = ["batch", (timesteps or 1) + spec.lookback, len(spec.columns)]
    width = len(spec.features)
    answer = ["batch", width] if timesteps is None else ["batch", timesteps, width]
    graph = helper.make_graph(
        nodes.nodes,
        "features",
        [helper.make_tensor_value_info("input", kind, shape)],
        [helper.make_tensor_value_info(name, kind, answer)],
        nodes.constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    return model


def in_graph(spec: FeatureSpec, windows: np.ndarray, timesteps: int | None, *, wide: bool = False) -> np.ndarray:
    """Return what the graph answers to `windows`, [windows, timesteps or 1, features]."""
    model = graph_of(spec, timesteps, wide=wide)
    session = open_session(model.SerializeToString(), SessionSettings())
    (found,) = session.run(None, {"input": windows})
    return found.reshape(len(windows), timesteps or 1, -1)


@pytest.fixture
def run_graph() -> Callable[..., np.ndarray]:
    """Return `in_graph`."""
    return in_graph


@pytest.fixture
def node_ops() -> Callable[..., list[str]]:
    """Return the operators of a specification's graph."""
    return lambda spec, timesteps: [node.op_type for node in graph_of(spec, timesteps).graph.node]


def drawn_windows(spec: FeatureSpec, count: int, samples: int, seed: int) -> np.ndarray:
    """Return float64 windows: ordinary and hostile values, short histories, runs of one value, odd category places."""
    rng = np.random.default_rng(seed)
    windows = rng.normal(size=(count, samples, len(spec.columns))) * 10.0 ** rng.integers(-3, 6, (count, 1, 1))
    for at, column in enumerate(spec.columns):
        if column.is_category:
            places = (*range(len(column.categories)), len(column.categories), -1, 0.5, np.nan, np.inf)
            windows[..., at] = rng.choice(places, windows.shape[:2])
    for index, window in enumerate(windows):
        hostile = rng.random(window.shape) < (0.0, 0.1, 0.6)[index % 3]
        window[hostile] = rng.choice(HOSTILE, hostile.sum())
        if index % 4 == 1:
            window[rng.integers(samples) :] = window[-1]
        if index % 5 == 2:
            window[: rng.integers(samples)] = np.nan
    return windows


@pytest.fixture
def windows_of() -> Callable[[FeatureSpec, int, int, int], Any]:
    """Return `drawn_windows`."""
    return drawn_windows

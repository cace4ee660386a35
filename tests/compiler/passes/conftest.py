"""Graphs as ONNX text, and their outputs in onnxruntime."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import onnx.parser
import onnxruntime
import pytest

from dwcpc.compiler.passes.base import Pass


@pytest.fixture(scope="session")
def parsed() -> Callable[[str], onnx.ModelProto]:
    """Return `parsed(graph)`: a checked model of opset 20 with the shapes of its values inferred."""

    def parse(graph: str) -> onnx.ModelProto:
        model = onnx.parser.parse_model(f'<ir_version: 9, opset_import: ["" : 20]>\n{graph}')
        onnx.checker.check_model(model, full_check=True)
        return onnx.shape_inference.infer_shapes(model)

    return parse


@pytest.fixture(scope="session")
def refused_once(parsed: Callable[[str], onnx.ModelProto]) -> Callable[[Pass, str, str], None]:
    """Return `refused_once(step, graph, reason)`: the pass leaves the very model and says why, once."""

    def check(step: Pass, graph: str, reason: str) -> None:
        model = parsed(graph)
        result = step.apply(model)
        assert (result.changed, len(result.refused)) == (0, 1)
        assert result.model is model
        assert reason in result.refused[0]

    return check


@pytest.fixture(scope="session")
def run() -> Callable[..., list[np.ndarray]]:
    """Return `run(model, **inputs)`: every output."""

    def outputs(model: onnx.ModelProto, **inputs: np.ndarray) -> list[np.ndarray]:
        onnx.checker.check_model(model, full_check=True)
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        return session.run(None, inputs)

    return outputs

"""ONNX files as exporters write them: a Keras-like LSTM autoencoder by hand, and small torch modules."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable

import numpy as np
import onnx
import onnx.parser
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

TIMESTEPS, FEATURES, UNITS = 6, 3, 5
WINDOW = (TIMESTEPS, FEATURES)


def from_text(graph: str, *, opset: int = 17, imports: str = "", functions: str = "", ir_version: int = 8) -> bytes:
    """Return the file of a graph in ONNX's text form."""
    header = f'<ir_version: {ir_version}, producer_name: "by hand", opset_import: ["" : {opset}{imports}]>'
    return onnx.parser.parse_model(f"{header}\n{graph}\n{functions}").SerializeToString()


def keras_like(batch: int | str = "unk__1", seed: int = 3) -> onnx.ModelProto:
    """Return an LSTM autoencoder in tf2onnx's manner: LSTM, RepeatVector as Tile, LSTM of sequences, dense by step."""
    rng = np.random.default_rng(seed)
    weights: dict[str, np.ndarray] = {}

    def lstm(name: str, x: str, inputs: int) -> list[onnx.NodeProto]:
        weights[f"{name}_W"] = rng.normal(size=(1, 4 * UNITS, inputs), scale=0.5)
        weights[f"{name}_R"] = rng.normal(size=(1, 4 * UNITS, UNITS), scale=0.5)
        weights[f"{name}_B"] = rng.normal(size=(1, 8 * UNITS), scale=0.2)
        return [
            helper.make_node("Transpose", [x], [f"{name}_X"], f"{name}_to_time", perm=[1, 0, 2]),
            helper.make_node(
                "LSTM",
                [f"{name}_X", f"{name}_W", f"{name}_R", f"{name}_B"],
                [f"{name}_Y", f"{name}_h"],
                f"{name}_node",
                hidden_size=UNITS,
            ),
        ]

    weights["kernel"], weights["bias"] = rng.normal(size=(UNITS, FEATURES)), rng.normal(size=FEATURES)
    shapes = {"zero": [0], "one": [1], "repeats": [1, TIMESTEPS, 1]}
    nodes = [
        *lstm("encoder", "input_1", FEATURES),
        helper.make_node("Squeeze", ["encoder_h", "zero"], ["code"], "last_state"),
        helper.make_node("Unsqueeze", ["code", "one"], ["code_step"], "repeat_axis"),
        helper.make_node("Tile", ["code_step", "repeats"], ["repeated"], "repeat_vector"),
        *lstm("decoder", "repeated", UNITS),
        helper.make_node("Squeeze", ["decoder_Y", "one"], ["decoder_steps"], "one_direction"),
        helper.make_node("Transpose", ["decoder_steps"], ["decoded"], "to_batch", perm=[1, 0, 2]),
        helper.make_node("MatMul", ["decoded", "kernel"], ["product"], "time_distributed"),
        helper.make_node("Add", ["product", "bias"], ["time_distributed_1"], "time_distributed_bias"),
    ]
    graph = helper.make_graph(
        nodes,
        "tf2onnx",
        [helper.make_tensor_value_info("input_1", TensorProto.FLOAT, [batch, *WINDOW])],
        [helper.make_tensor_value_info("time_distributed_1", TensorProto.FLOAT, [batch, *WINDOW])],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()]
        + [numpy_helper.from_array(np.array(value, np.int64), name) for name, value in shapes.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    model.producer_name, model.producer_version = "tf2onnx", "1.16.1"
    onnx.checker.check_model(model, full_check=True)
    return model


class Repeats(nn.Module):
    """An LSTM autoencoder in torch's manner."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.LSTM(FEATURES, UNITS, batch_first=True)
        self.decoder = nn.LSTM(UNITS, UNITS, batch_first=True)
        self.out = nn.Linear(UNITS, FEATURES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        _, (h, _) = self.encoder(x)
        decoded, _ = self.decoder(h[-1].unsqueeze(1).repeat(1, x.shape[1], 1))
        return self.out(decoded)


class Gated(nn.Module):
    """A bidirectional LSTM of two layers, a GRU, a dense head on the last step."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(FEATURES, UNITS, num_layers=2, batch_first=True, bidirectional=True)
        self.gru = nn.GRU(2 * UNITS, UNITS, batch_first=True)
        self.out = nn.Linear(UNITS, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(self.gru(self.lstm(x)[0])[0][:, -1])


class Convolved(nn.Module):
    """Conv1D over time, layer normalisation, a dense head."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(FEATURES, 8, 3, padding=1)
        self.norm = nn.LayerNorm(8)
        self.out = nn.Linear(8 * TIMESTEPS, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        steps = torch.relu(self.conv(x.transpose(1, 2))).transpose(1, 2)
        return self.out(self.norm(steps).reshape(x.shape[0], -1))


MODULES: dict[str, type[nn.Module]] = {"repeats": Repeats, "gated": Gated, "convolved": Convolved}


def torch_export(module: nn.Module, *, batch: int | None = None, opset: int = 17) -> bytes:
    """Return what torch's tracing exporter writes, for any batch or for one."""
    stream = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            (torch.zeros(batch or 2, *WINDOW),),
            stream,
            dynamo=False,
            opset_version=opset,
            input_names=["x"],
            output_names=["y"],
            dynamic_axes={"x": {0: "n"}, "y": {0: "n"}} if batch is None else None,
        )
    return stream.getvalue()


@pytest.fixture(scope="session", name="from_text")
def from_text_fixture() -> Callable[..., bytes]:
    """Return `from_text`."""
    return from_text


@pytest.fixture(scope="session", name="keras_like")
def keras_like_fixture() -> Callable[..., onnx.ModelProto]:
    """Return `keras_like`."""
    return keras_like


@pytest.fixture(scope="session", name="torch_export")
def torch_export_fixture() -> Callable[..., bytes]:
    """Return `torch_export`."""
    return torch_export


@pytest.fixture(scope="session")
def modules() -> dict[str, nn.Module]:
    """The small torch modules by name, with fixed weights."""
    torch.manual_seed(11)
    return {name: kind().eval() for name, kind in MODULES.items()}


@pytest.fixture(scope="session")
def rows() -> np.ndarray:
    """Seven windows."""
    return np.random.default_rng(5).normal(size=(7, *WINDOW)).astype(np.float32)


@pytest.fixture(scope="session")
def run() -> Callable[[onnx.ModelProto, np.ndarray], np.ndarray]:
    """Return `run(model, x)`: the only output of the only input."""

    def answer(model: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        return session.run(None, {session.get_inputs()[0].name: x})[0]

    return answer

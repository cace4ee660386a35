"""A small module in each form that torch writes, and files that would leave a trace if anything in them ran."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from dwcpc.compiler.artifact import Artifact
from dwcpc.compiler.sources import source_of
from dwcpc.compiler.sources.base import LoadOptions, Network

WINDOW = (5, 3)


class Pooled(nn.Module):
    """An LSTM, attention that pools over time, a dense head: [batch, 5, 3] → [batch, 4]."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(3, 8, batch_first=True, bidirectional=True)
        self.score = nn.Linear(16, 1)
        self.head = nn.Linear(16, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h, _ = self.lstm(x)
        a = torch.softmax(self.score(torch.tanh(h)), dim=1)
        return self.head((a * h).sum(1))


class Runs:
    """Pickles as a call of `function(*args)`."""

    def __init__(self, function: Callable[..., object], *args: object) -> None:
        self.call = function, args

    def __reduce__(self) -> object:
        return self.call


@pytest.fixture(autouse=True)
def _alone(one_thread) -> None:
    """Take one thread for all of this folder."""


@pytest.fixture(scope="session")
def pooled(randomised) -> Pooled:
    """The module whose forms are compared; read it, never change it."""
    return randomised(Pooled(), 11)


@pytest.fixture(scope="session")
def windows() -> np.ndarray:
    """Rows for `pooled`."""
    return np.random.default_rng(5).normal(size=(9, *WINDOW)).astype(np.float32)


@pytest.fixture(scope="session")
def saved() -> Callable[..., bytes]:
    """Return `saved(content, **options)`: what torch.save writes."""

    def save(content: object, **options: object) -> bytes:
        stream = io.BytesIO()
        torch.save(content, stream, **options)
        return stream.getvalue()

    return save


@pytest.fixture(scope="session")
def scripted() -> Callable[[nn.Module], bytes]:
    """Return `scripted(module)`: the TorchScript archive of a compiled or traced module."""

    def save(module: nn.Module) -> bytes:
        stream = io.BytesIO()
        torch.jit.save(module if isinstance(module, torch.jit.ScriptModule) else torch.jit.script(module), stream)
        return stream.getvalue()

    return save


@pytest.fixture(scope="session")
def exported() -> Callable[..., bytes]:
    """Return `exported(module, free_batch=…)`: a .pt2 for windows."""

    def save(module: nn.Module, *, free_batch: bool = True) -> bytes:
        dynamic = ({0: torch.export.Dim("batch")},) if free_batch else None
        stream = io.BytesIO()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = torch.export.export(module, (torch.zeros(2, *WINDOW),), dynamic_shapes=dynamic)
            torch.export.save(program, stream)
        return stream.getvalue()

    return save


@pytest.fixture(scope="session")
def program(pooled, exported) -> bytes:
    """The .pt2 of `pooled`; exporting takes seconds."""
    return exported(pooled)


@pytest.fixture(scope="session")
def load() -> Callable[..., Network]:
    """Return `load(data, **options)`: what the compiler makes of a file with these bytes."""

    def loaded(data: bytes, **options: object) -> Network:
        artifact = Artifact(Path("model.pt"), data, "")
        return source_of(artifact).load(artifact, LoadOptions(**options))

    return loaded


@pytest.fixture
def marker(tmp_path) -> Path:
    """A path that hostile files would create."""
    return tmp_path / "marker"


@pytest.fixture
def runs() -> type[Runs]:
    """Return the class whose pickle is a call."""
    return Runs

"""A network, rows and options so small that an epoch takes milliseconds."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from dwcpc.models.training.fit import Order, Rows
from dwcpc.models.training.options import FitOptions

OPTIONS = FitOptions(seed=3, epochs=6, batch_rows=16, learning_rate=1e-2, patience=6)


class Fitting(nn.Module):
    """Mean squared error, as an objective."""

    def forward(self, module: nn.Module, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Return the loss of a batch."""
        return (module(x) - y).square().mean()


@pytest.fixture
def network() -> Callable[[], nn.Module]:
    """Return `network()`: a module with dropout, so that what is random shows."""

    def make() -> nn.Module:
        torch.manual_seed(1)
        return nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Dropout(0.2), nn.Linear(8, 1))

    return make


@pytest.fixture
def objective() -> nn.Module:
    """Return the objective."""
    return Fitting()


@pytest.fixture
def order(tmp_path: Path) -> Callable[..., Order]:
    """Return `order(folder, resume=None, **options)`."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(128, 3, generator=generator)
    y = x.sum(dim=1, keepdim=True)

    def make(folder: str, resume: Path | None = None, task: str = "sum", **changed: Any) -> Order:
        options = dataclasses.replace(OPTIONS, **changed)
        return Order(Rows(x[:96], y[:96]), Rows(x[96:], y[96:]), options, tmp_path / folder, task, resume)

    return make

"""Two processes train what one does; and what they would train if each had a loss of its own."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from dwcpc.compiler.errors import InputError
from dwcpc.models.bilstm_attention_autoencoder import BilstmAttentionAutoencoder
from dwcpc.models.channel_batch_norm import ChannelBatchNorm
from dwcpc.models.training import distributed
from dwcpc.models.training.fit import Order, Rows, fit
from dwcpc.models.training.history import Epoch
from dwcpc.models.training.objective import Exposure
from dwcpc.models.training.options import FitOptions
from dwcpc.models.training.sizes import autoencoder_config

OPTIONS = FitOptions(seed=5, epochs=3, batch_rows=32, learning_rate=1e-2)
TOLERANCE = 1e-5
"""Of an answer, which is of the order of 1: 20 times what was seen. float32 sums are added in another order."""

STEPS = 10


class Halves(nn.Module):
    """The mean of the losses of each half of a batch: what gradients averaged without further ado minimise."""

    def __init__(self, whole: nn.Module) -> None:
        super().__init__()
        self.whole = whole

    def forward(self, module: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        halves = zip(x.chunk(2), y.chunk(2), strict=True)
        return torch.stack([self.whole(module, *half) for half in halves]).mean()


def order(folder: Path, processes: int = 1) -> Order:
    generator = torch.Generator().manual_seed(0)
    x = 0.3 * torch.randn(161, STEPS, 12, generator=generator).cumsum(dim=1)
    y = (torch.rand(161, generator=generator) < 0.2).float()
    x[y == 1] *= 2
    options = dataclasses.replace(OPTIONS, processes=processes)
    return Order(Rows(x[:128], y[:128]), Rows(x[128:], y[128:]), options, folder, "windows")


def network() -> nn.Module:
    torch.manual_seed(1)
    return BilstmAttentionAutoencoder(autoencoder_config("tiny", 8, STEPS, 12))


def silent(_step: str) -> None:
    pass


def apart(one: nn.Module, other: nn.Module, x: Tensor) -> float:
    with torch.no_grad():
        return float((one(x) - other(x)).abs().max())


@pytest.mark.usefixtures("one_thread")
def test_two_processes_train_what_one_does(tmp_path: Path) -> None:
    alone, together, naive, steps, seen = network(), network(), network(), list[str](), list[Epoch]()
    given = dataclasses.replace(order(tmp_path / "together", processes=2), watch=seen.append)
    # Noise is drawn by the objective: the same in all processes, or they would not minimise the same loss.
    wanted = fit(alone, Exposure(noise=0.1), order(tmp_path / "alone"), silent)
    found = fit(together, Exposure(noise=0.1), given, steps.append)
    fit(naive, Halves(Exposure(noise=0.1)), order(tmp_path / "naive"), silent)

    x = given.validation.x
    assert apart(alone, together, x) < TOLERANCE
    assert apart(alone, naive, x) > 100 * TOLERANCE
    for one, other in zip(wanted, found, strict=True):
        assert other.validation_loss == pytest.approx(one.validation_loss, rel=TOLERANCE)
        assert other.train_loss == pytest.approx(one.train_loss, rel=TOLERANCE)
        assert other.gradient_norm == pytest.approx(one.gradient_norm, rel=TOLERANCE)

    assert not together.training
    assert type(together.get_submodule("encoder_bn1")) is nn.BatchNorm1d
    assert seen == found  # in this process
    assert [step.partition(":")[0] for step in steps] == ["epoch 1 of 3", "epoch 2 of 3", "epoch 3 of 3"]
    kept = json.loads((given.folder / "training_history.json").read_text(encoding="utf-8"))
    assert kept == [dataclasses.asdict(epoch) for epoch in found]
    assert len(list((given.folder / "tensorboard").iterdir())) == 1  # of the first process alone
    assert sorted(path.name for path in (given.folder / "checkpoints").iterdir()) == ["best.pt", "last.pt"]


def test_what_a_process_refuses_is_refused_here(tmp_path: Path) -> None:
    """One process of one, in this process: what it tells is what two would."""
    given, told = order(tmp_path), SimpleQueue[Any]()
    given.train.x[0] = float("inf")
    distributed._trained(0, network(), Exposure(), given, told, f"file://{tmp_path}/meeting")
    with pytest.raises(InputError, match="epoch 1: the loss is not finite"):
        distributed._relayed(told, given, silent)


def test_each_process_needs_a_gpu_of_its_own_where_there_are_any(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(InputError, match="--processes is 2 and there are 1 GPUs"):
        fit(network(), Exposure(), order(tmp_path, processes=2), silent)


@pytest.fixture
def world_of_one(tmp_path: Path) -> Iterator[None]:
    distributed.dist.init_process_group("gloo", init_method=f"file://{tmp_path}/meeting", rank=0, world_size=1)
    yield
    distributed.dist.destroy_process_group()


@pytest.mark.usefixtures("world_of_one")
@pytest.mark.parametrize("kind", [nn.BatchNorm1d, ChannelBatchNorm])
@pytest.mark.parametrize("momentum", [0.1, None])
def test_a_shared_batch_norm_is_torchs(kind: type[nn.BatchNorm1d], momentum: float | None) -> None:
    torch.manual_seed(0)
    wanted, given = (nn.Sequential(kind(5, momentum=momentum)).double() for _ in range(2))  # type: ignore[arg-type]
    shared = distributed.Shared(given, 0, 1)
    assert type(given[0]) is not kind
    for _ in range(2):
        x = torch.randn(6, 5, 5, dtype=torch.float64)
        one, other = x.clone().requires_grad_(), x.clone().requires_grad_()
        wanted(one).square().sin().sum().backward()
        shared(other).square().sin().sum().backward()
        assert torch.allclose(one.grad, other.grad, atol=1e-12)  # type: ignore[arg-type]
    for name, value in wanted.state_dict().items():
        assert torch.allclose(value, given.state_dict()[name], atol=1e-12), name
    assert torch.allclose(wanted.eval()(x), shared.eval()(x))


@pytest.mark.usefixtures("world_of_one")
def test_dropout_draws_nothing_from_what_the_objective_draws() -> None:
    shared = distributed.Shared(nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5)), 0, 1)
    torch.manual_seed(3)
    wanted = torch.randn(2)
    torch.manual_seed(3)
    first, second = shared(torch.ones(8, 3)), shared(torch.ones(8, 3))
    assert torch.equal(torch.randn(2), wanted)
    assert not torch.equal(first == 0, second == 0)

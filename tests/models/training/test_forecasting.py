"""The loss of a forecaster: balanced over targets, with a relative part, and no batch statistics."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from dwcpc.models.channel_batch_norm import ChannelBatchNorm
from dwcpc.models.training.forecasting import FLOOR, Forecasting, geometric_mean


class Constant(nn.Module):
    """Answers every window with its one parameter."""

    def __init__(self, values: list[float]) -> None:
        super().__init__()
        self.values = nn.Parameter(torch.tensor(values))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.values.expand(len(x), -1)


def test_in_validation_it_is_the_geometric_mean_of_the_squared_errors() -> None:
    module = Constant([1.0, 10.0]).eval()
    loss = Forecasting(torch.zeros(2), 0.0)(module, torch.zeros(8, 3, 1), torch.zeros(8, 2))
    assert loss.item() == pytest.approx((1.0 * 100.0) ** 0.5)


def test_a_target_with_small_errors_moves_as_much_as_one_with_large_ones() -> None:
    module = Constant([0.1, 10.0]).train()
    objective = Forecasting(torch.zeros(2), 0.0)
    for _ in range(1500):  # the moving mean arrives
        loss = objective(module, torch.zeros(4, 1, 1), torch.zeros(4, 2))
    loss.backward()
    gradient = module.values.grad
    assert gradient is not None
    relative = gradient * module.values.detach()
    assert relative[0].item() == pytest.approx(relative[1].item(), rel=1e-3)
    assert loss.item() == pytest.approx((0.01 * 100) ** 0.5, rel=1e-3)
    plain = Constant([0.1, 10.0])
    (plain(torch.zeros(4, 1, 1)) - 0).square().mean().backward()
    assert plain.values.grad is not None
    assert plain.values.grad[1] > 50 * plain.values.grad[0]


def test_the_relative_part_counts_an_error_by_the_target_above_zero() -> None:
    module = Constant([0.5]).eval()
    zero = torch.tensor([-2.0])
    y = torch.tensor([[0.0]])
    with_it, without = (Forecasting(zero, weight)(module, torch.zeros(1, 1, 1), y).item() for weight in (1.0, 0.0))
    assert with_it - without == pytest.approx((0.5 / (2.0 + FLOOR)) ** 2)


def test_a_normalisation_uses_its_constants_also_while_training() -> None:
    module = nn.Sequential(ChannelBatchNorm(2), nn.Flatten(), nn.Linear(10, 2)).train()
    x = torch.randn(16, 5, 2) * 9 + 4
    objective = Forecasting(torch.zeros(2), 0.0)
    objective(module, x, torch.zeros(16, 2))
    layer = module[0]
    assert isinstance(layer, ChannelBatchNorm)
    assert layer.running_mean is not None
    assert torch.equal(layer.running_mean, torch.zeros(2))
    module.train()
    module(x)  # without the objective it is as torch has it
    assert not torch.equal(layer.running_mean, torch.zeros(2))


def test_noise_is_added_while_training_alone() -> None:
    module = nn.Flatten()
    objective = Forecasting(torch.zeros(2), 0.0, noise=0.5)
    x = torch.zeros(64, 2, 1)
    assert objective(module.eval(), x, torch.ones(64, 2)).item() == pytest.approx(1.0)
    module.train()
    first, second = (objective(module, x, torch.ones(64, 2)).item() for _ in range(2))
    assert first != second


def test_what_it_has_seen_of_the_errors_goes_into_a_checkpoint() -> None:
    assert set(Forecasting(torch.zeros(4), 0.1).state_dict()) == {"lately"}
    assert geometric_mean(torch.tensor([1.0, 4.0])).item() == pytest.approx(2.0)

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from dwcpc.models.training.objective import Exposure, Reconstruction, scores


class Zero(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.zeros_like(x)


class Same(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x


X = torch.stack([torch.full((4, 2), value) for value in (0.1, 0.2, 3.0)])
Y = torch.tensor([0.0, 0.0, 1.0])


def test_the_score_is_the_mean_squared_error_of_a_window() -> None:
    assert scores(Zero(), X).tolist() == pytest.approx([0.01, 0.04, 9.0])


def test_reconstruction_looks_at_normal_windows_alone() -> None:
    assert Reconstruction()(Zero(), X, Y).item() == pytest.approx(0.025)
    assert Reconstruction()(Zero(), X[2:], Y[2:]).item() == pytest.approx(36.0 * 2 / 3 * 0, abs=0)


def test_denoising_shows_noise_and_asks_for_what_was_without_it() -> None:
    torch.manual_seed(0)
    objective = Reconstruction(noise=0.5)
    assert objective(Same().train(), X, Y).item() == pytest.approx(0.25, rel=0.6)
    assert objective(Same().eval(), X, Y).item() == 0


def test_exposure_wants_anomalies_to_score_high() -> None:
    right, wrong = Exposure()(Zero(), X, Y).item(), Exposure()(Zero(), X, 1 - Y).item()
    assert right < 0.3 < wrong


def test_restraint_costs_what_anomalies_score_and_normal_windows_nothing() -> None:
    free, held = Exposure(), Exposure(restraint=0.5)
    assert held(Zero(), X, Y).item() - free(Zero(), X, Y).item() == pytest.approx(0.5 * 9.0 / 3)
    assert held(Zero(), X[:2], Y[:2]).item() == free(Zero(), X[:2], Y[:2]).item()


def test_restraint_ends_the_growth_of_an_anomalys_score() -> None:
    """The score at which the loss is least: without restraint there is none."""
    s = torch.linspace(0.5, 200, 4000, requires_grad=True)
    slope = {}
    for restraint in (0.0, 0.1):
        loss = Exposure().classification(s, torch.ones_like(s)) * len(s) + (restraint * s).sum()
        (slope[restraint],) = torch.autograd.grad(loss, s)
    assert (slope[0.0] <= 0).all()
    assert s[slope[0.1] > 0].min() < 4


def test_noise_is_what_training_sees_and_not_what_it_is_asked_for() -> None:
    torch.manual_seed(0)
    objective, normal = Exposure(noise=0.5), torch.zeros(3)
    quiet = Exposure()(Same(), X, normal).item()
    assert objective(Same().train(), X, normal).item() > quiet + 0.3 * 0.2
    assert objective(Same().eval(), X, normal).item() == quiet


def test_the_focal_loss_cares_less_for_what_is_right_already() -> None:
    s = torch.tensor([0.01, 9.0])
    y = torch.tensor([0.0, 1.0])
    plain, focal = Exposure().classification(s, y), Exposure(focal_gamma=2).classification(s, y)
    assert focal < 0.05 * plain
    hard = torch.tensor([9.0, 0.01])
    assert Exposure(focal_gamma=2).classification(hard, y) > 0.9 * Exposure().classification(hard, y)


def test_class_weights_weigh_anomalies_alone() -> None:
    s, heavy, plain = torch.tensor([1.0]), Exposure(positive_weight=5), Exposure()
    assert heavy.classification(s, torch.ones(1)) == 5 * plain.classification(s, torch.ones(1))
    assert heavy.classification(s, torch.zeros(1)) == plain.classification(s, torch.zeros(1))

"""What a client does in a round: some epochs on its own windows, from the server's weights on.

FedProx (Li et al., 2020) adds μ/2 · ‖w − w₀‖² to the loss, w₀ being the weights that the server sent.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dwcpc.models.training.fit import VALIDATION_BATCH, Rows
from dwcpc.models.training.options import FitOptions


@dataclass(frozen=True, slots=True)
class Round:
    """One round of one client; everything random in it comes from `seed`."""

    epochs: int
    learning_rate: float
    proximal_mu: float
    seed: int


@dataclass(frozen=True, slots=True)
class Trained:
    """Means over the round's steps: of the loss, without the proximal term, and of the gradient's norm."""

    loss: float
    gradient_norm: float


def train_locally(module: nn.Module, objective: nn.Module, rows: Rows, options: FitOptions, order: Round) -> Trained:
    """Train in place, with an optimiser of its own; a client with few rows takes them all in one batch."""
    torch.manual_seed(order.seed)
    weights = [*module.parameters(), *objective.parameters()]
    sent = [weight.detach().clone() for weight in weights]
    optimiser = torch.optim.AdamW(weights, lr=order.learning_rate, weight_decay=options.weight_decay)
    batch = min(options.batch_rows, len(rows.x))
    losses, norms = [], []
    module.train()
    for _ in range(order.epochs):
        for at in torch.randperm(len(rows.x))[: len(rows.x) // batch * batch].view(-1, batch):
            loss = objective(module, rows.x[at], rows.y[at])
            if not loss.requires_grad:  # a batch without a normal window, by reconstruction alone
                continue
            optimiser.zero_grad()
            (loss + proximal(weights, sent, order.proximal_mu)).backward()
            norms.append(nn.utils.clip_grad_norm_(module.parameters(), options.gradient_norm).item())
            optimiser.step()
            losses.append(loss.item())
    module.eval()
    steps = max(len(losses), 1)
    return Trained(sum(losses) / steps, sum(norms) / steps)


def proximal(weights: list[nn.Parameter], sent: list[Tensor], mu: float) -> Tensor:
    """Return μ/2 · ‖w − w₀‖²."""
    if mu == 0:
        return torch.zeros(())
    return mu / 2 * torch.stack([(new - old).square().sum() for new, old in zip(weights, sent, strict=True)]).sum()


@torch.no_grad()
def validation_loss(module: nn.Module, objective: nn.Module, rows: Rows) -> float:
    """Return the mean loss of the rows."""
    module.eval()
    total = 0.0
    for at in range(0, len(rows.x), VALIDATION_BATCH):
        x, y = rows.x[at : at + VALIDATION_BATCH], rows.y[at : at + VALIDATION_BATCH]
        total += float(objective(module, x, y)) * len(x)
    return total / len(rows.x)

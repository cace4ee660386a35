"""Training as the demonstration models are trained: Adam, one cycle of the learning rate, mean squared error."""

import logging
from dataclasses import dataclass

import torch
from torch import nn

log = logging.getLogger("train")


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and in what steps; `learning_rate` is the peak of its cycle."""

    epochs: int
    batch_rows: int
    learning_rate: float


def fit(module: nn.Module, x: torch.Tensor, y: torch.Tensor, schedule: Schedule) -> float:
    """Train `module` in place to answer `y` to `x`, leave it in eval mode, and return the last epoch's mean loss.

    Batches are drawn from torch's generator: seed it before. Rows that fill no batch are left out of an epoch.
    """
    module.train()
    optimiser = torch.optim.Adam(module.parameters(), lr=schedule.learning_rate)
    batches = len(x) // schedule.batch_rows
    steps = schedule.epochs * batches
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimiser, schedule.learning_rate, total_steps=steps)
    loss_of_epoch = float("nan")
    for epoch in range(schedule.epochs):
        total = 0.0
        for batch in torch.randperm(len(x))[: batches * schedule.batch_rows].view(batches, schedule.batch_rows):
            loss = nn.functional.mse_loss(module(x[batch]), y[batch])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            cycle.step()
            total += loss.item()
        loss_of_epoch = total / batches
        log.info("epoch %d of %d: loss %.4f", epoch + 1, schedule.epochs, loss_of_epoch)
    module.eval()
    return loss_of_epoch

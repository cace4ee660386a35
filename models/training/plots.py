"""The curves of a training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dwcpc.models.evaluation.figure import drawn
from dwcpc.models.training.history import Epoch, best_of


def plot_history(path: Path, history: Sequence[Epoch]) -> None:
    """Draw the losses and the learning rate of each epoch into a PNG file."""
    numbers = [epoch.number for epoch in history]
    with drawn(path, 2) as (losses, rates):
        losses.plot(numbers, [epoch.train_loss for epoch in history], label="training")
        losses.plot(numbers, [epoch.validation_loss for epoch in history], label="validation")
        losses.axvline(best_of(history).number, linestyle=":", color="grey", label="best")
        losses.set(xlabel="epoch", ylabel="loss", yscale="log")
        losses.legend()
        rates.plot(numbers, [epoch.learning_rate for epoch in history])
        rates.set(xlabel="epoch", ylabel="learning rate")

"""How a network is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Schedule = Literal["cosine", "plateau"]
SCHEDULES: tuple[Schedule, ...] = get_args(Schedule)


@dataclass(frozen=True, slots=True)
class FitOptions:
    """Of any network. A cosine schedule ends with the last epoch, whether or not training stops before it.

    `patience` is how many epochs without a better validation loss end the training; a plateau schedule halves the
    learning rate after a third of it. `threads` and `processes`, which share each batch, are part of the result, as
    another number sums in another order.
    """

    seed: int = 42
    epochs: int = 14
    batch_rows: int = 128
    learning_rate: float = 4e-3
    weight_decay: float = 1e-4
    schedule: Schedule = "cosine"
    warm_up_share: float = 0.15
    patience: int = 6
    gradient_norm: float = 1.0
    threads: int = 1
    processes: int = 1

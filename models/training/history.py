"""What happened in each epoch."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dwcpc.compiler.whole_file import whole_file

HISTORY_FILE: Final = "training_history.json"


@dataclass(frozen=True, slots=True)
class Epoch:
    """`number` counts from 1; `learning_rate` is that of its end, `gradient_norm` the mean before it is clipped.

    `quality` is how well validation windows are judged, higher where better, in a training that goes by it.
    """

    number: int
    train_loss: float
    validation_loss: float
    learning_rate: float
    gradient_norm: float
    duration_s: float
    quality: float | None = None


def best_of(history: Sequence[Epoch]) -> Epoch:
    """Return the first epoch with the highest quality; where it has none, that with the lowest validation loss."""
    return min(history, key=lambda epoch: epoch.validation_loss if epoch.quality is None else -epoch.quality)


def write_history(folder: Path, history: Sequence[Epoch]) -> None:
    """Write the epochs as JSON into `folder`."""
    content = json.dumps([dataclasses.asdict(epoch) for epoch in history], indent=1)
    with whole_file(folder / HISTORY_FILE) as file:
        file.write(f"{content}\n".encode())

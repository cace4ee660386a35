"""What a model brings to be tuned: what may be varied, and what a choice comes to.

Another model is one file with a class of this shape and its command; nothing is registered by importing it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import optuna

Params = Mapping[str, Any]

# A step, counted from 1, and the validation loss after it; what it raises ends the trial.
Watch = Callable[[int, float], None]


@dataclass(frozen=True, slots=True)
class Artifact:
    """What is compiled to be timed, and the raw rows that it is timed on."""

    path: Path
    rows: NDArray[np.float32]
    scaler: Path | None = None
    threshold: float | None = None
    calibration: Path | None = None
    target_scaler: Path | None = None
    timesteps: int | None = None


@dataclass(frozen=True, slots=True)
class Trained:
    """What came of a training. `quality` is of validation rows, which chose nothing it depends on but the epoch."""

    quality: float
    artifact: Artifact
    facts: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Latency:
    """CPU time of a prediction through Go, as a share of the yardstick's; low and high bound that of the wall time."""

    ratio: float
    low: float
    high: float
    p50_ms: float
    yardstick_p50_ms: float


@dataclass(frozen=True, slots=True)
class Shape:
    """Models of the same name are equally fast in float32; `write` puts an untrained one into a folder."""

    name: str
    write: Callable[[Path], Artifact]


class Space(Protocol):
    """A model's search space. Equal spaces are equal objects: it is a frozen dataclass of plain values."""

    @property
    def model(self) -> str:
        """The name that `dwcpc train` knows."""
        ...

    @property
    def quality(self) -> str:
        """What the first objective is called: a figure of the validation rows that is better if higher."""
        ...

    def __hash__(self) -> int:
        """A frozen dataclass's own."""
        ...

    def suggest(self, trial: optuna.Trial) -> Params:
        """Ask for a value of everything that may be varied."""
        ...

    def arguments(self, params: Params) -> list[str]:
        """Return the options of `dwcpc train` that train exactly this."""
        ...

    def shape(self, params: Params) -> Shape | None:
        """Return what alone decides the latency in float32; none where only the trained model has it."""
        ...

    def work(self, params: Params) -> float:
        """Return an amount that the latency grows with, for where it is not known beforehand."""
        ...

    def train(self, params: Params, data: Any, folder: Path, watch: Watch) -> Trained:
        """Train on `data`, as the space's own loader gives it; InputError where it cannot be."""
        ...

    def yardstick(self, folder: Path) -> Artifact:
        """Write the model that every latency is a share of: the same on every machine."""
        ...

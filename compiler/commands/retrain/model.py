"""What `dwcpc retrain` has to know of a model, as plain data; `models.py` lists the models that there are."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from dwcpc.compiler.bundle import Bundle
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.metadata import Training
from dwcpc.models.retraining.comparison import Figures
from dwcpc.models.retraining.exports import ExportColumns
from dwcpc.models.training.options import FitOptions

Progress = Callable[[str], None]
Settings = TypeVar("Settings")


@dataclass(frozen=True, slots=True)
class Job:
    """What to train on and where: `data` is one table with the model's own column names, none is the simulator.

    `served` is what the registry serves now, whose inputs the new model has to take.
    """

    data: Path | None
    folder: Path
    seed: int
    served: Bundle | None
    settings: tuple[str, ...]

    @property
    def later_than(self) -> float | None:
        """The time up to which what is served was trained on a table, if that is known: fresh rows come after it."""
        training = None if self.served is None else self.served.metadata.source.training
        return None if self.data is None or training is None else training.until


@dataclass(frozen=True, slots=True)
class Fresh:
    """Rows that trained neither model: rows of one `block` [rows] are drawn together.

    `figures` runs a bundle on them through Go; `note` says which rows they are, `too_few` why they decide nothing.
    """

    note: str
    block: NDArray[np.int64]
    figures: Callable[[Bundle], Figures]
    too_few: str | None = None


@dataclass(frozen=True, slots=True)
class Looked:
    """What a job's data has: rows to train on, and others to judge on."""

    training: Training
    fresh: Fresh


@dataclass(frozen=True, slots=True)
class Candidate:
    """A trained model, as `dwcpc compile` takes it."""

    artifact: Path
    scaler: Path
    threshold: float | None = None
    calibration: Path | None = None
    target_scaler: Path | None = None
    features: Path | None = None
    timesteps: int | None = None


class RetrainedModel(Protocol):
    """One model that can be trained again, such as those in `models.py`."""

    @property
    def name(self) -> str:
        """What it is called on the command line."""

    @property
    def published(self) -> str:
        """What it is called in a registry, unless the user says otherwise."""

    @property
    def tolerance(self) -> float:
        """How much worse a figure may be, unless the user says otherwise."""

    @property
    def deciding(self) -> tuple[str, ...]:
        """The figures of which none may be worse than what is served."""

    @property
    def minimum(self) -> tuple[Mapping[str, float], ...]:
        """What the first version in a registry has to reach: of each, one of the figures."""

    def check(self, settings: tuple[str, ...]) -> None:
        """Refuse settings that it does not have, before anything is collected."""

    def columns(self, job: Job) -> ExportColumns:
        """Return what a service's export of its samples holds; the job has no data yet."""

    def look(self, job: Job) -> Looked:
        """Return what there is to train on and to judge on."""

    def train(self, job: Job, progress: Progress) -> Candidate:
        """Train into `job.folder`, on nothing that `look` leaves to judge on."""


def changed(settings: Settings, given: tuple[str, ...]) -> Settings:
    """Return the dataclass with `NAME=VALUE` settings, each of its field's type; InputError names the field."""
    stated: dict[str, Any] = dataclasses.asdict(settings)  # type: ignore[call-overload]
    for setting in given:
        name, equals, value = setting.partition("=")
        if not equals or name not in stated:
            raise InputError(f"--set is {setting!r}, expected NAME=VALUE with one of {', '.join(stated)}")
        try:
            stated[name] = getattr(msgspec.convert({**stated, name: value}, type(settings), strict=False), name)
        except msgspec.ValidationError as error:
            raise InputError(f"--set {setting}: {error}; correct the value") from error
    return type(settings)(**stated)


def fit_of(settings: Any, default: FitOptions, seed: int) -> FitOptions:
    """Return `default` with `seed` and with those settings that say how a network is fitted."""
    fields = {each.name for each in dataclasses.fields(default)}
    stated = {name: value for name, value in dataclasses.asdict(settings).items() if name in fields}
    return dataclasses.replace(default, seed=seed, **stated)

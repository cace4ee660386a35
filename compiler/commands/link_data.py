"""Where training and evaluation of forecasters take their data from: a table in a file, or the simulator."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.features.builder import SpecBuilder
from dwcpc.compiler.features.shipped import named_spec
from dwcpc.compiler.features.spec import FeatureSpec
from dwcpc.models.data.labelled import keyed_by
from dwcpc.models.data.link_csv import read_samples
from dwcpc.models.data.sequences import Forecast
from dwcpc.models.training.link_folds import (
    SIMULATED_FORECAST,
    ForecastTest,
    LinkFolds,
    LinkWorld,
    Task,
    link_folds_of_table,
    link_test,
    simulated_link_folds,
    simulated_link_tests,
)
from dwcpc.models.training.report import plain

DEFAULT_SPEC = "bandwidth_predictor"
DEFAULT_HORIZON = 1


@dataclass(frozen=True, slots=True)
class LinkData:
    """A file and what its columns are, none where a default holds; without a file the `world` that is simulated.

    `features` are columns that the model takes as they are; without them `spec` says how features are computed, by a
    file or a shipped specification's name. `last` are the columns that say what a target was last, the targets
    themselves where none are named.
    """

    data: Path | None = None
    spec: str | None = None
    features: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    last: tuple[str, ...] = ()
    horizon: int | None = None
    time: str | None = None
    group: str | None = None
    split: Literal["time", "group"] = "time"
    seed: int = 42
    world: LinkWorld = dataclasses.field(default_factory=lambda: LinkWorld(42, 0.5))

    @property
    def told(self) -> dict[str, Any]:
        """Return it as a report has it: without the folders of this machine."""
        said: dict[str, Any] = plain(self)
        return said | {"data": self.data and self.data.name, "spec": self.spec and Path(self.spec).name}


def spec_of(data: LinkData) -> FeatureSpec:
    """Return the specification of the model's features."""
    if not data.features:
        return keyed_by(named_spec(data.spec or DEFAULT_SPEC), data.time, data.group)
    built = SpecBuilder("columns", data.group, {"column": data.time, "duplicate": "keep"} if data.time else None)
    built.numbers(*data.features)
    built.copies(*data.features)
    return built.spec()


def forecast_of(data: LinkData) -> Forecast:
    """Return what is predicted; InputError where nothing or not all is said of a file's targets."""
    if data.data is None:
        return dataclasses.replace(SIMULATED_FORECAST, horizon=data.horizon or DEFAULT_HORIZON)
    if not data.targets:
        raise InputError(f"{data.data}: nothing says what is to be predicted; name its columns with --targets")
    last = data.last or data.targets
    if len(last) != len(data.targets):
        raise InputError(f"--last names {len(last)} columns, expected {len(data.targets)}, as --targets does")
    return Forecast(data.targets, last, data.horizon or DEFAULT_HORIZON)


def task_of(data: LinkData, timesteps: int) -> Task:
    """Return the features, their windows and what is predicted of them."""
    return Task(spec_of(data), forecast_of(data), timesteps)


def link_folds(data: LinkData, timesteps: int) -> LinkFolds:
    """Return what to train, tune and test on."""
    task = task_of(data, timesteps)
    if data.data is None:
        return simulated_link_folds(task, data.world)
    table = read_samples(data.data, task.spec, task.forecast)
    return link_folds_of_table(task, table, split=data.split, seed=data.seed)


def link_tests(data: LinkData, task: Task) -> tuple[ForecastTest, ...]:
    """Return what to test on: the whole table of a file, or the simulator's tests."""
    if data.data is None:
        return simulated_link_tests(task, data.world)
    return (link_test(data.data.name, task, read_samples(data.data, task.spec, task.forecast)),)

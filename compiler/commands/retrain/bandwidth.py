"""The bandwidth model, as `dwcpc retrain` trains and judges it: samples of links, or other simulated links.

It needs no labels: what it predicts comes a few samples later.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from msgspec import Meta

from dwcpc.compiler.bundle import Bundle
from dwcpc.compiler.commands.link_data import DEFAULT_SPEC, LinkData, task_of
from dwcpc.compiler.commands.retrain.model import Candidate, Fresh, Job, Looked, Progress, changed, fit_of
from dwcpc.compiler.commands.train_bandwidth import TrainBandwidthOrder, train_bandwidth_model
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.features.shipped import named_spec
from dwcpc.compiler.features.spec import FeatureSpec
from dwcpc.compiler.metadata import Training
from dwcpc.models.data.bandwidth.simulate import GROUP, MEASURED, TIME
from dwcpc.models.data.columns import Columns
from dwcpc.models.data.labelled import keyed_by
from dwcpc.models.data.link_csv import read_samples
from dwcpc.models.data.sequences import Forecast
from dwcpc.models.data.splits import split_by_time
from dwcpc.models.data.table import Table, row_count, taken
from dwcpc.models.evaluation.forecast_evaluation import blocks_of_links
from dwcpc.models.evaluation.forecasters import bundle_forecast, bundle_spec, bundle_timesteps, is_regressor
from dwcpc.models.retraining.comparison import Figures, enough_windows
from dwcpc.models.retraining.exports import ExportColumns, Key
from dwcpc.models.retraining.forecasts import SKILL, TOLERANCE, asked_for, figure, forecast_figures
from dwcpc.models.training.bandwidth_files import FEATURES, SCALER, TARGET_SCALER, WEIGHTS
from dwcpc.models.training.feature_choice import spec_document
from dwcpc.models.training.link_folds import LinkSizes, LinkWorld, Task, link_test, samples_known, unseen_links
from dwcpc.models.training.run_files import CALIBRATION_FILE, write_json
from dwcpc.parity.runners.go import GoRuntime

if TYPE_CHECKING:
    from dwcpc.models.training.bandwidth import BandwidthRecipe

TARGETS = ("bandwidth", "latency", "packet_loss", "jitter")  # as the architecture's outputs are called
TIMESTEPS = 20
SIZES = LinkSizes()
SERVED_SPEC = "served_features.json"


@dataclass(frozen=True, slots=True)
class BandwidthSettings:
    """What `--set` may change: options of `dwcpc train bandwidth`, with its defaults.

    `fresh_links` are simulated to judge on: interval and doubt shrink with links, not with minutes of the same ones.
    `targets` and `last` are columns of a table, with commas: by default what is measured of the four, and the targets.
    """

    units: Literal["tiny", "small", "current", "large"] = "small"
    epochs: Annotated[int, Meta(ge=1)] = 16
    batch_rows: Annotated[int, Meta(ge=1)] = 256
    learning_rate: float = 4e-3
    weight_decay: float = 1e-4
    patience: Annotated[int, Meta(ge=1)] = 8
    dropout: Annotated[float, Meta(ge=0, le=0.9)] = 0.0
    noise: Annotated[float, Meta(ge=0)] = 0.0
    relative_weight: Annotated[float, Meta(ge=0)] = 0.003
    threads: Annotated[int, Meta(ge=1)] = 1
    difficulty: Annotated[float, Meta(ge=0, le=1)] = 0.5
    links: Annotated[int, Meta(ge=3)] = SIZES.train_links
    steps: Annotated[int, Meta(ge=200)] = SIZES.steps
    varied: Annotated[int, Meta(ge=0)] = SIZES.varied_per_link
    bypass: bool = True
    fresh_links: Annotated[int, Meta(ge=3)] = 240
    horizon: Annotated[int, Meta(ge=1)] = 1
    targets: str | None = None
    last: str | None = None


@dataclass(frozen=True, slots=True)
class Bandwidth:
    """Forecasts of links: of each target, the share of persistence's error that a model saves must not fall."""

    name: str = "bandwidth"
    published: str = "bandwidth_predictor"
    deciding: tuple[str, ...] = tuple(figure(target, SKILL) for target in TARGETS)
    minimum: tuple[Mapping[str, float], ...] = tuple(asked_for(target) for target in TARGETS)
    tolerance: float = TOLERANCE

    def check(self, settings: tuple[str, ...]) -> None:
        """Refuse settings that training does not have."""
        changed(BandwidthSettings(), settings)

    def columns(self, job: Job) -> ExportColumns:
        """The raw columns of the specification, and the targets; the Go collector calls their time `time`."""
        spec, settings = _spec(job), changed(BandwidthSettings(), job.settings)
        assert spec.time is not None and spec.group is not None  # noqa: PT018, S101 - for types
        time, group = spec.time.column, spec.group
        texts = tuple(column.name for column in spec.columns if column.is_category)
        raw = (column.name for column in spec.columns if not column.is_category and column.name != time)
        numbers = dict.fromkeys((*raw, *_targets(settings), *_last(settings)))
        return ExportColumns(tuple(numbers), texts, Key(time, (time, "time")), Key(group, (group, "group")))

    def look(self, job: Job) -> Looked:
        """Return the windows to judge on, as long as those of what is served."""
        _check_served(job.served)
        task = task_of(_data(job), _timesteps(job))
        return _simulated(job, task) if job.data is None else _of_table(job, job.data, task)

    def train(self, job: Job, progress: Progress) -> Candidate:
        """Train as `dwcpc train bandwidth` does."""
        train_bandwidth_model(TrainBandwidthOrder(_recipe(job), _data(job), job.folder), progress)
        return Candidate(
            artifact=job.folder / WEIGHTS,
            scaler=job.folder / SCALER,
            calibration=job.folder / CALIBRATION_FILE,
            target_scaler=job.folder / TARGET_SCALER,
            features=job.folder / FEATURES,
            timesteps=_timesteps(job),
        )


def _targets(settings: BandwidthSettings) -> tuple[str, ...]:
    named = MEASURED if settings.targets is None else _names(settings.targets)
    if len(named) != len(TARGETS):
        raise InputError(f"--set targets names {len(named)} columns, expected {len(TARGETS)}: {', '.join(TARGETS)}")
    return named


def _last(settings: BandwidthSettings) -> tuple[str, ...]:
    return _targets(settings) if settings.last is None else _names(settings.last)


def _names(listed: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in listed.split(","))


def _spec(job: Job) -> FeatureSpec:
    """Return the features of what is served, which its services compute, or else the shipped ones."""
    own = None if job.served is None else bundle_spec(job.served)
    spec = named_spec(DEFAULT_SPEC) if own is None else own
    return keyed_by(spec, TIME if spec.time is None else None, GROUP if spec.group is None else None)


def _data(job: Job) -> LinkData:
    settings = changed(BandwidthSettings(), job.settings)
    if job.data is None and (settings.targets or settings.last):
        raise InputError("--set targets and last name columns of a table, and there is none; give --data too")
    sizes = LinkSizes(settings.links, min(settings.links, SIZES.other_links), settings.steps, settings.varied)
    return LinkData(
        data=job.data,
        spec=None if job.served is None or bundle_spec(job.served) is None else str(_written_spec(job)),
        targets=() if job.data is None else _targets(settings),
        last=() if job.data is None else _last(settings),
        horizon=settings.horizon,
        seed=job.seed,
        world=LinkWorld(job.seed, settings.difficulty, sizes),
    )


def _written_spec(job: Job) -> Path:
    """Write the specification that the served bundle carries: training reads one from a file."""
    job.folder.mkdir(parents=True, exist_ok=True)
    write_json(job.folder / SERVED_SPEC, spec_document(_spec(job)))
    return job.folder / SERVED_SPEC


def _timesteps(job: Job) -> int:
    return TIMESTEPS if job.served is None else bundle_timesteps(job.served)


def _recipe(job: Job) -> BandwidthRecipe:
    from dwcpc.models.training.bandwidth import FIT, BandwidthRecipe

    settings = changed(BandwidthSettings(), job.settings)
    return BandwidthRecipe(
        units=settings.units,
        timesteps=_timesteps(job),
        relative_weight=settings.relative_weight,
        noise=settings.noise,
        dropout=settings.dropout,
        bypass=settings.bypass,
        fit=fit_of(settings, FIT, job.seed),
    )


def _check_served(served: Bundle | None) -> None:
    if served is not None and not (is_regressor(served) and served.metadata.outputs[0].channels == TARGETS):
        raise InputError(
            f"{served.path}: does not predict {', '.join(TARGETS)} of windows, expected a bandwidth model's bundle; "
            "publish under another name with --as"
        )


def _simulated(job: Job, task: Task) -> Looked:
    """Judge on links that nobody was trained on: later times of the candidate's own would favour it."""
    world, settings = _data(job).world, changed(BandwidthSettings(), job.settings)
    note = f"simulated, difficulty {world.difficulty:g}{_ahead(task.forecast)}"
    training = Training("simulated", samples_known(world.sizes), None, world.seed, note)
    more = dataclasses.replace(world, sizes=dataclasses.replace(world.sizes, other_links=settings.fresh_links))
    return Looked(training, _fresh(task, unseen_links(more)["other links"], f"other links of seed {world.seed}"))


def _of_table(job: Job, data: Path, task: Task) -> Looked:
    """Judge on the last part of the time of each link, as far as it is later than what trained the served model."""
    assert task.spec.time is not None  # noqa: S101 - `_spec` has given it one
    time = task.spec.time.column
    parts = split_by_time(read_samples(data, task.spec, task.forecast), Columns((), time=time, group=task.spec.group))
    known = np.concatenate([parts.train[time], parts.validation[time]])
    test, note = parts.test, f"the last {row_count(parts.test):,} samples by time"
    if job.later_than is not None:
        test = taken(test, test[time] > job.later_than)
        note += f", those later than {job.later_than:.15g}"
    training = Training("file", len(known), float(known.max()), job.seed, f"{data.name}{_ahead(task.forecast)}")
    return Looked(training, _fresh(task, test, note))


def _ahead(forecast: Forecast) -> str:
    """Say how far ahead is predicted, which no bundle says by itself, unless it is the next sample."""
    return "" if forecast.horizon == 1 else f", {forecast.horizon} samples ahead"


def _fresh(task: Task, table: Table, note: str) -> Fresh:
    """Return the windows of the table, which holds nothing else, so that none looks back into what was trained on."""
    if not row_count(table):
        return _nothing(note, "no sample is fresh: collect for longer")
    try:
        test = link_test("fresh", task, table)
    except InputError as error:  # not one window
        return _nothing(note, str(error))
    windows, block = test.sequences, blocks_of_links(test.sequences)

    def figures(bundle: Bundle) -> Figures:
        predicted = bundle_forecast(bundle, GoRuntime(), test.table, windows)
        return forecast_figures(TARGETS, windows.y, windows.last, predicted)

    links, blocks = len(np.unique(windows.group)), len(np.unique(block))
    stretches = "" if links == blocks else f" in {blocks} stretches"
    return Fresh(f"{len(windows):,} windows of {links} links{stretches}, {note}", block, figures, enough_windows(block))


def _nothing(note: str, why: str) -> Fresh:
    def figures(_bundle: Bundle) -> Figures:
        raise AssertionError("nothing is judged on no windows")

    return Fresh(f"0 windows, {note}", np.zeros(0, np.int64), figures, why)

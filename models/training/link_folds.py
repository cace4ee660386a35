"""What a forecaster of links is trained, tuned and tested on: by time, by link, and on links of other seeds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from dwcpc.compiler.features.spec import FeatureSpec
from dwcpc.models.data.bandwidth.simulate import MEASURED, TRUE, BandwidthSimulation, simulate_bandwidth
from dwcpc.models.data.columns import Columns
from dwcpc.models.data.sequences import Forecast, Sequences, cut_sequences
from dwcpc.models.data.splits import Parts, split_by_group, split_by_time
from dwcpc.models.data.table import Table, row_count, stacked

SIMULATED_FORECAST: Final = Forecast(targets=TRUE, last=MEASURED, horizon=1)
"""The state of the next minute, beside what was measured of it in this one."""

SHARE_KNOWN: Final = 0.8
"""Of the time of the links that are trained on: what trains and what chooses, `models/data/splits.py`."""

OTHER_SEED: Final = 100_000
"""Added to the seed for links that are in validation alone; twice, thrice and four times that for those of a test.

Five and six times for harder and easier ones in validation, `VARIED_SEEDS` times and on for varied ones to train on.
"""
VARIED_SEEDS: Final = 10
DIFFICULTY_STEP: Final = 0.2
STRETCH: Final = 1.6
VARIED_STEPS: Final = 360
VARIED_DIFFICULTIES: Final = (-0.3, 0.0, 0.3)
"""Links that are trained on beside those of the world differ more than they do, and are as many of each of these
difficulties, beside the world's. They are short, as it is links of which there cannot be enough."""
TRAIN_WINDOWS: Final = 104_000
DENSE_WINDOWS: Final = 312_000
VALIDATION_WINDOWS: Final = 20_000
TEST_WINDOWS: Final = 17_000
"""About so many are cut, evenly, where a table has more."""


@dataclass(frozen=True, slots=True)
class Task:
    """Which features of how many samples a model takes, and what it predicts."""

    spec: FeatureSpec
    forecast: Forecast
    timesteps: int


@dataclass(frozen=True, slots=True)
class ForecastTest:
    """Windows that neither training nor the choice of an epoch has seen, and the table that they are cut from."""

    name: str
    table: Table
    sequences: Sequences


@dataclass(frozen=True, slots=True)
class LinkFolds:
    """Windows to train on and to choose by, and tests; none of them shares a sample with another."""

    task: Task
    train: Sequences
    validation: Sequences
    tests: tuple[ForecastTest, ...]
    train_tables: tuple[Table, ...]
    """Those that `train` is cut from."""


@dataclass(frozen=True, slots=True)
class LinkSizes:
    """Links of the simulated table that is trained on, of each other one, and their minutes.

    `varied_per_link`: how many varied links (`varied_links`) are trained on for each.
    """

    train_links: int = 300
    other_links: int = 60
    steps: int = 2880
    varied_per_link: int = 4


@dataclass(frozen=True, slots=True)
class LinkWorld:
    """What is simulated: the links of a seed and a difficulty, and as many of others for the tests."""

    seed: int
    difficulty: float
    sizes: LinkSizes = field(default_factory=LinkSizes)


def simulated_link_folds(task: Task, world: LinkWorld) -> LinkFolds:
    """Simulate links: tests are later times of those trained on, and other seeds' links."""
    known = _known(task, world)
    train = (known.train, *varied_links(world))
    validation = stacked([known.validation, *_links_to_choose_by(world)])
    return _folds(task, train, validation, {"later": known.test, **unseen_links(world)})


def samples_known(sizes: LinkSizes) -> int:
    """Return how many samples `simulated_link_folds` trains on and chooses by."""
    kinds = len(VARIED_DIFFICULTIES)
    varied = sizes.varied_per_link * sizes.train_links // kinds * kinds * min(VARIED_STEPS, sizes.steps)
    chosen_by = 3 * max(1, sizes.other_links // 2) * sizes.steps
    return round(SHARE_KNOWN * sizes.train_links * sizes.steps) + varied + chosen_by


def simulated_link_tests(task: Task, world: LinkWorld) -> tuple[ForecastTest, ...]:
    """Return the tests of `simulated_link_folds` alone."""
    tables = {"later": _known(task, world).test, **unseen_links(world)}
    return tuple(link_test(name, task, table) for name, table in tables.items())


def varied_links(world: LinkWorld) -> tuple[Table, ...]:
    """Return links to train on that are easier, as hard and harder than the world's, and differ by more."""
    count = world.sizes.varied_per_link * world.sizes.train_links // len(VARIED_DIFFICULTIES)
    if not count:
        return ()
    return tuple(
        simulate_bandwidth(
            BandwidthSimulation(
                seed=world.seed + at * OTHER_SEED,
                links=count,
                steps=min(VARIED_STEPS, world.sizes.steps),
                difficulty=min(max(world.difficulty + step, 0.0), 1.0),
                stretch=STRETCH,
            )
        )
        for at, step in enumerate(VARIED_DIFFICULTIES, start=VARIED_SEEDS)
    )


def _links_to_choose_by(world: LinkWorld) -> tuple[Table, ...]:
    """Return links that neither training nor a test has, of each difficulty that tests have."""
    middle, harder, easier = _difficulties(world)
    count = max(1, world.sizes.other_links // 2)
    return tuple(
        _links(world.seed + at * OTHER_SEED, difficulty, count, world.sizes.steps)
        for at, difficulty in ((1, middle), (5, harder), (6, easier))
    )


def unseen_links(world: LinkWorld) -> dict[str, Table]:
    """Return other links of the same difficulty, of a higher one and of a lower one."""
    middle, harder, easier = _difficulties(world)
    sizes = world.sizes
    each = {"other links": middle, f"harder, {harder:g}": harder, f"easier, {easier:g}": easier}
    return {
        name: _links(world.seed + at * OTHER_SEED, difficulty, sizes.other_links, sizes.steps)
        for at, (name, difficulty) in enumerate(each.items(), start=2)
    }


def _difficulties(world: LinkWorld) -> tuple[float, float, float]:
    middle = world.difficulty
    return middle, min(middle + DIFFICULTY_STEP, 1.0), max(middle - DIFFICULTY_STEP, 0.0)


def link_test(name: str, task: Task, table: Table) -> ForecastTest:
    """Cut the windows of a test."""
    return ForecastTest(name, table, _cut(task, table, TEST_WINDOWS))


def link_folds_of_table(task: Task, table: Table, *, split: str, seed: int) -> LinkFolds:
    """Split a table by `time` or by `group`, and cut its windows."""
    parts = _split(task.spec, table, split, seed)
    return _folds(task, (parts.train,), parts.validation, {"test": parts.test})


def _known(task: Task, world: LinkWorld) -> Parts:
    table = _links(world.seed, world.difficulty, world.sizes.train_links, world.sizes.steps)
    return _split(task.spec, table, "time", world.seed)


def _split(spec: FeatureSpec, table: Table, split: str, seed: int) -> Parts:
    """Split rows; features and targets are made of each part alone, so that nothing is read across a border."""
    keys = Columns((), time=None if spec.time is None else spec.time.column, group=spec.group)
    return split_by_group(table, keys, seed) if split == "group" else split_by_time(table, keys)


def dense_windows(folds: LinkFolds) -> Iterator[Sequences]:
    """Yield windows of what is trained on, up to three times as many, for what looks at each but once."""
    rows = sum(row_count(table) for table in folds.train_tables)
    for table in folds.train_tables:
        yield _cut(folds.task, table, DENSE_WINDOWS * row_count(table) / rows)


def _folds(task: Task, train: tuple[Table, ...], validation: Table, tests: dict[str, Table]) -> LinkFolds:
    return LinkFolds(
        task=task,
        train=_cut(task, stacked(train), TRAIN_WINDOWS),
        validation=_cut(task, validation, VALIDATION_WINDOWS),
        tests=tuple(link_test(name, task, table) for name, table in tests.items()),
        train_tables=train,
    )


def _cut(task: Task, table: Table, windows: float) -> Sequences:
    """Cut about so many windows where the table has more: neighbours say nearly the same."""
    stride = max(1, round(row_count(table) / windows))
    return cut_sequences(task.spec, table, task.forecast, task.timesteps, stride)


def _links(seed: int, difficulty: float, links: int, steps: int) -> Table:
    return simulate_bandwidth(BandwidthSimulation(seed, links, steps, difficulty))

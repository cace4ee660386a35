"""Parts of links: no sample is in two of them, and no feature reads across a border."""

from __future__ import annotations

import numpy as np
import pytest

from dwcpc.compiler.features.shipped import shipped_spec
from dwcpc.models.data.bandwidth.simulate import GROUP, TIME, BandwidthSimulation, simulate_bandwidth
from dwcpc.models.data.table import Table, row_count
from dwcpc.models.training import link_folds
from dwcpc.models.training.link_folds import (
    SIMULATED_FORECAST,
    LinkFolds,
    LinkSizes,
    LinkWorld,
    Task,
    dense_windows,
    link_folds_of_table,
    samples_known,
    simulated_link_folds,
    simulated_link_tests,
    varied_links,
)

TASK = Task(shipped_spec("bandwidth_predictor"), SIMULATED_FORECAST, 20)
WORLD = LinkWorld(1, 0.5, LinkSizes(4, 4, 300))


@pytest.fixture(scope="module")
def folds() -> LinkFolds:
    return simulated_link_folds(TASK, WORLD)


def test_tests_are_later_times_and_links_of_other_seeds_and_difficulties(folds: LinkFolds) -> None:
    assert [test.name for test in folds.tests] == ["later", "other links", "harder, 0.7", "easier, 0.3"]
    trained = set(folds.train.group.tolist())
    known = set(folds.tests[0].sequences.group.tolist())
    assert len(known) == 4
    assert known < trained
    assert not (trained - known) & set(folds.validation.group.tolist())
    for test in folds.tests[1:]:
        assert not trained & set(test.sequences.group.tolist())
        assert not set(folds.validation.group.tolist()) & set(test.sequences.group.tolist())


def test_later_is_later_by_a_whole_window(folds: LinkFolds) -> None:
    later = folds.tests[0].sequences
    assert len(np.unique(later.group)) == 4
    for link in np.unique(later.group):
        train, validation, test = (
            part.time[part.group == link] / 60 for part in (folds.train, folds.validation, later)
        )
        assert train.max() + 20 <= validation.min()
        assert validation.max() + 20 <= test.min()


def test_validation_is_later_times_and_other_links_of_each_difficulty_that_tests_have(folds: LinkFolds) -> None:
    known = set(folds.tests[0].sequences.group.tolist())
    unseen = set(folds.validation.group.tolist()) - known
    assert known < set(folds.validation.group.tolist())
    assert {link.split("l")[0] for link in unseen} == {"s100001", "s500001", "s600001"}
    assert len(unseen) == 6


def test_varied_links_are_easier_and_harder_and_go_beyond_the_ranges_of_the_others() -> None:
    easier, middle, harder = varied_links(LinkWorld(1, 0.5, LinkSizes(60, 4, 300)))
    assert len(np.unique(easier["link_id"])) == len(np.unique(harder["link_id"])) == 80
    assert harder["true_packet_loss"].mean() > easier["true_packet_loss"].mean()
    usual = simulate_bandwidth(BandwidthSimulation(1, 240, 300))
    for column in ("true_rtt_ms", "link_capacity_mbps"):
        least, *varied = (table[column].reshape(-1, 300).min(axis=1) for table in (usual, easier, middle, harder))
        assert np.max(varied) > 1.15 * least.max()
        assert np.min(varied) < 0.85 * least.min()


def test_without_varied_links_training_has_those_of_the_world_alone(folds: LinkFolds) -> None:
    alone = simulated_link_folds(TASK, LinkWorld(1, 0.5, LinkSizes(4, 4, 300, varied_per_link=0)))
    assert set(alone.train.group.tolist()) == set(folds.tests[0].sequences.group.tolist())
    for one, other in zip(alone.tests, folds.tests, strict=True):
        assert np.array_equal(one.sequences.x, other.sequences.x)


def test_dense_windows_are_more_of_those_that_are_trained_on(folds: LinkFolds, monkeypatch: pytest.MonkeyPatch) -> None:
    every = list(dense_windows(folds))
    assert sum(len(part) for part in every) == len(folds.train)  # of so few links training has each window
    assert np.array_equal(np.concatenate([part.x for part in every]), folds.train.x)
    monkeypatch.setattr(link_folds, "DENSE_WINDOWS", 1000)
    some = [len(part) for part in dense_windows(folds)]
    assert sum(some) == pytest.approx(1000, rel=0.25)
    assert len(some) == 4
    assert set(np.concatenate([part.group for part in dense_windows(folds)])) == set(folds.train.group)


def test_the_tests_alone_are_the_same_tests(folds: LinkFolds) -> None:
    for one, other in zip(folds.tests, simulated_link_tests(TASK, WORLD), strict=True):
        assert one.name == other.name
        assert np.array_equal(one.sequences.x, other.sequences.x)
        assert np.array_equal(one.sequences.y, other.sequences.y)


@pytest.mark.parametrize("split", ["time", "group"])
def test_nothing_of_the_test_part_reaches_training(split: str) -> None:
    """Rows of the test part are another link's, and training and validation are the same to the bit."""
    table = dict(simulate_bandwidth(BandwidthSimulation(3, 6, 200)))
    other = simulate_bandwidth(BandwidthSimulation(4, 6, 200))
    before = link_folds_of_table(TASK, table, split=split, seed=0)
    tested = np.zeros(1200, bool)
    if split == "time":
        tested = np.tile(np.arange(200) >= 160, 6)
    else:
        tested = np.isin(table[GROUP], before.tests[0].sequences.group)
    changed = {
        name: values if name in (GROUP, TIME) else np.where(tested, other[name], values)
        for name, values in table.items()
    }
    after = link_folds_of_table(TASK, changed, split=split, seed=0)
    for part in ("train", "validation"):
        one, two = getattr(before, part), getattr(after, part)
        assert np.array_equal(one.x, two.x)
        assert np.array_equal(one.y, two.y)
    assert not np.array_equal(before.tests[0].sequences.x, after.tests[0].sequences.x)


def test_a_split_by_group_gives_whole_links(folds: LinkFolds) -> None:
    table = simulate_bandwidth(BandwidthSimulation(3, 6, 100))
    parts = link_folds_of_table(TASK, table, split="group", seed=0)
    names = [set(part.group.tolist()) for part in (parts.train, parts.validation, parts.tests[0].sequences)]
    assert sum(len(each) for each in names) == len(set.union(*names)) == 6


@pytest.mark.parametrize(
    "sizes", [LinkSizes(4, 4, 300), LinkSizes(7, 5, 500, varied_per_link=2), LinkSizes(4, 4, 300, 0)]
)
def test_the_samples_that_are_trained_on_or_chosen_by_are_counted(
    sizes: LinkSizes, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[int] = []

    def count(_task: Task, train: tuple[Table, ...], validation: Table, _tests: dict[str, Table]) -> None:
        counted.append(sum(row_count(each) for each in (*train, validation)))

    monkeypatch.setattr(link_folds, "_folds", count)
    simulated_link_folds(TASK, LinkWorld(1, 0.5, sizes))
    assert counted == [samples_known(sizes)]

from __future__ import annotations

import numpy as np
import pytest

from dwcpc.compiler.errors import InputError
from dwcpc.models.data.columns import Columns
from dwcpc.models.data.splits import split_by_group, split_by_time
from dwcpc.models.data.table import Table, row_count

COLUMNS = Columns(("x",), time="t", group="node")


@pytest.fixture
def table() -> Table:
    order = np.random.default_rng(0).permutation(500)
    whole = {"x": np.arange(500.0), "t": np.arange(500.0) // 10, "node": np.arange(500) % 10}
    return {name: values[order] for name, values in whole.items()}


def test_in_each_group_training_is_before_validation_and_validation_before_the_test(table: Table) -> None:
    parts = split_by_time(table, COLUMNS)
    assert [row_count(part) for part in (parts.train, parts.validation, parts.test)] == [300, 100, 100]
    for node in range(10):
        times = [part["t"][part["node"] == node] for part in (parts.train, parts.validation, parts.test)]
        assert times[0].max() < times[1].min()
        assert times[1].max() < times[2].min()


def test_by_group_no_group_is_in_two_parts(table: Table) -> None:
    parts = split_by_group(table, COLUMNS, seed=1)
    groups = [set(part["node"].tolist()) for part in (parts.train, parts.validation, parts.test)]
    assert [len(each) for each in groups] == [6, 2, 2]
    assert set.union(*groups) == set(range(10))
    assert groups != [set(part["node"].tolist()) for part in _of(split_by_group(table, COLUMNS, seed=2))]


@pytest.mark.parametrize("count", [3, 4, 5])
def test_by_group_each_part_has_a_group_however_few_there_are(count: int) -> None:
    table = {"x": np.arange(20.0), "t": np.arange(20.0), "node": np.arange(20) % count}
    assert all(row_count(part) for part in _of(split_by_group(table, COLUMNS, seed=0)))


def test_a_split_by_group_needs_three_groups_and_their_column(table: Table) -> None:
    with pytest.raises(InputError, match="needs a column"):
        split_by_group(table, Columns(("x",)), seed=0)
    two = {name: values[table["node"] < 2] for name, values in table.items()}
    with pytest.raises(InputError, match="2 groups, expected 3"):
        split_by_group(two, COLUMNS, seed=0)


def _of(parts: object) -> list[Table]:
    return [getattr(parts, name) for name in ("train", "validation", "test")]

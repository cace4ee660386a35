"""Windows that end with rows: the same values that stand in the table, of one history, and nothing that comes later."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.features.shipped import shipped_spec
from dwcpc.models.data.labelled import LabelledRows, labelled_rows
from dwcpc.models.data.nodes import CAUSE, LABEL, Fleet, simulate_nodes
from dwcpc.models.data.row_windows import ending_windows, row_windows
from dwcpc.models.data.series_split import Split, split_rows

STEPS = 7
COLUMNS = np.array([0, 3, 122])


@pytest.fixture(scope="module")
def rows() -> LabelledRows:
    """Three nodes whose samples alternate, so that a window's rows are no neighbours in the table."""
    table = simulate_nodes(Fleet(nodes=3, samples=40, seed=1))
    order = np.argsort(table["timestamp"], kind="stable")
    mixed = {name: values[order] for name, values in table.items()}
    return labelled_rows(shipped_spec("node_reliability_123"), mixed, LABEL, CAUSE)


def test_a_window_has_the_samples_of_its_node_up_to_its_row(rows: LabelledRows) -> None:
    assert rows.group is not None
    windows = row_windows(rows, COLUMNS, STEPS)
    ends = np.flatnonzero(windows.place >= 0)
    assert len(ends) == 3 * (40 - STEPS + 1)
    for end, window in zip(ends, windows.cut(ends), strict=True):
        own = [row for row in np.flatnonzero(rows.group == rows.group[end]) if row <= end][-STEPS:]
        assert np.array_equal(window, rows.x[own][:, COLUMNS])


def test_nothing_that_comes_later_is_in_it(rows: LabelledRows) -> None:
    end = np.array([60])
    later = rows.x.copy()
    later[61:] = -1.0
    changed = row_windows(dataclasses.replace(rows, x=later), COLUMNS, STEPS).cut(end)
    assert np.array_equal(changed, row_windows(rows, COLUMNS, STEPS).cut(end))
    later[60] = -1.0
    assert not np.array_equal(row_windows(dataclasses.replace(rows, x=later), COLUMNS, STEPS).cut(end), changed)


def test_rows_with_too_little_before_them_are_in_no_part(rows: LabelledRows) -> None:
    split = split_rows(rows.time, rows.group, 1)
    ending = ending_windows(split, rows, STEPS)
    place = row_windows(rows, COLUMNS, STEPS).place
    assert len(ending.train) == len(split.train) - (STEPS - 1)  # of the one node to train on, which begins there
    for part in (ending.train, ending.validation, ending.test):
        assert (place[part] >= 0).all()


def test_windows_longer_than_every_history_are_refused(rows: LabelledRows) -> None:
    everything = np.arange(len(rows.x))
    with pytest.raises(InputError, match="no row to train has 40 before it, expected windows of 41"):
        ending_windows(Split(everything, everything, everything), rows, 41)
